//! Prose in comments and pages.

use super::sources::Source;

/// The paragraphs, list items and table cells of a source, without code.
pub(super) fn blocks(source: &Source) -> Vec<String> {
    let (mut blocks, mut block, mut in_code) = (Vec::new(), String::new(), false);
    for line in source.text.lines() {
        let Some(line) = prose(source, line) else {
            blocks.push(std::mem::take(&mut block));
            in_code = false;
            continue;
        };
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            continue;
        } else if line.is_empty() || line.starts_with('#') {
            blocks.push(std::mem::take(&mut block));
        } else if line.starts_with('|') {
            blocks.extend(line.split('|').map(without_code));
        } else {
            if line.starts_with("- ") || line.starts_with("* ") {
                blocks.push(std::mem::take(&mut block));
            }
            block.push_str(line.trim_start_matches(['-', '*', ' ']));
            block.push(' ');
        }
    }
    blocks.push(block);
    blocks.retain(|block| !block.trim().is_empty());
    blocks.iter().map(|block| without_code(block)).collect()
}

/// The text of a comment, or a page's line. `None` for code.
fn prose<'a>(source: &Source, line: &'a str) -> Option<&'a str> {
    let line = line.trim();
    if !source.is_rust() {
        return Some(line);
    }
    let comment = line.strip_prefix("//")?;
    Some(comment.trim_start_matches(['/', '!']).trim_start())
}

/// A text with a word for each piece of code in backticks.
fn without_code(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 0 { piece } else { "X" })
        .collect()
}

/// The sentences of a block.
pub(super) fn sentences(block: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = block.trim();
    while let Some(end) = rest.find([' ']).and_then(|_| end_of_sentence(rest)) {
        sentences.push(rest[..end].trim());
        rest = rest[end..].trim_start();
    }
    sentences.push(rest.trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

fn end_of_sentence(text: &str) -> Option<usize> {
    let ends = text.match_indices(['.', '!', '?', ':']).map(|(at, _)| at + 1);
    ends.into_iter().find(|end| text[*end..].starts_with(' '))
}

#[test]
fn a_comment_is_prose_and_code_is_not() {
    let source = Source {
        name: "a.rs".to_owned(),
        text: "/// Makes `x; y`. What is it?\n///\n/// ```\n/// let a; let b;\n/// ```\nfn f() { a; }\n// Why: speed.\n".to_owned(),
    };
    assert_eq!(blocks(&source), ["Makes X. What is it? ", "Why: speed. "]);
    assert_eq!(sentences("Makes X. What is it?"), ["Makes X.", "What is it?"]);
}
