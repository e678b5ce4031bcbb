//! The guide: its chapters, its links, and the texts that it quotes.

use super::table::{names, rows};
use super::{files, root};
use std::collections::BTreeSet;
use std::path::Path;

const TASKS: &str = include_str!("../../../apideck-hooks/src/guide/tasks.md");
const CHAPTERS: &str = include_str!("../../../apideck-hooks/src/guide/chapters.md");
const GUIDE: &str = include_str!("../../../apideck-hooks/src/guide/mod.rs");
const LINKS: &str = include_str!("../../../apideck-hooks/src/guide/links.md");
const OPERATING: &str = include_str!("../../../apideck-hooks/docs/operating.md");

/// The chapters with their texts.
fn chapters() -> Vec<(String, String)> {
    let files = files(&root().join("apideck-hooks/docs"), &["md"]);
    let named = files.into_iter().map(|(path, text)| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, text)
    });
    named.collect()
}

/// The lines of a page outside of its code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// The code blocks of a page, each with its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("```").skip(1).step_by(2);
    parts
        .map(|block| block.split_once('\n').expect("a language and code"))
        .collect()
}

/// The targets of links in the form `](target)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1);
    links.filter_map(|link| link.split_once(')').map(|(target, _)| target))
}

/// The definitions of links, `[label]: target`.
fn definitions(page: &str) -> Vec<(&str, &str)> {
    let lines = page.lines().filter_map(|line| line.strip_prefix('['));
    lines.filter_map(|line| line.split_once("]: ")).collect()
}

/// The anchor that rustdoc and most viewers make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn has_anchor(page: &str, wanted: &str) -> bool {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    headings
        .into_iter()
        .any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

#[test]
fn every_chapter_is_a_module_and_is_reached_from_the_front_page_and_the_readme() {
    let chapters: BTreeSet<_> = chapters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(chapters.len(), 13);
    let (_, modules) = GUIDE.split_once("\nchapters! {").expect("the list");
    let modules = modules.lines().map(str::trim);
    let modules: BTreeSet<_> = modules
        .filter(|line| !line.is_empty() && !line.starts_with("///") && *line != "}")
        .map(str::to_owned)
        .collect();
    assert_eq!(modules, chapters);

    let chapter = |target: &str| Some(target.strip_prefix("guide::")?.split('#').next()?.to_owned());
    let front: BTreeSet<_> = targets(TASKS).filter_map(chapter).collect();
    assert_eq!(front, chapters, "the front page");
    let listed: BTreeSet<_> = targets(CHAPTERS).map(str::to_owned).collect();
    assert_eq!(listed, chapters, "the guide's first page");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    for name in &chapters {
        assert!(
            readme.contains(&format!("](apideck-hooks/docs/{name}.md)")),
            "{name}"
        );
    }
}

/// rustdoc checks the links to items, but neither anchors nor the chapters.
#[test]
fn every_task_of_the_front_page_leads_to_a_section_or_an_item() {
    let tasks = rows(TASKS);
    let pages = chapters();
    let mut in_guide = 0;
    for task in &tasks {
        let [name, chapter, items] = task[..] else {
            panic!("not three cells: {task:?}")
        };
        assert!(!chapter.is_empty() || !items.is_empty(), "{name}");
        for target in targets(chapter) {
            let target = target.strip_prefix("guide::").expect("a chapter");
            let (chapter, section) = target.split_once('#').unwrap_or((target, ""));
            let (_, page) = pages.iter().find(|(name, _)| name == chapter).expect("a chapter");
            assert!(
                section.is_empty() || has_anchor(page, section),
                "{name}: {target}"
            );
            in_guide += 1;
        }
    }
    assert!(in_guide >= 12, "{in_guide}");
}

#[test]
fn links_of_pages_lead_to_files_and_headings() {
    let mut pages = files(&root().join("apideck-hooks/docs"), &["md"]);
    for name in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let path = root().join(name);
        pages.push((path.clone(), std::fs::read_to_string(path).expect("a page")));
    }
    let mut checked = 0;
    for (path, page) in &pages {
        let text: String = prose(page).flat_map(|line| [line, "\n"]).collect();
        let defined = definitions(page);
        for target in targets(&text).chain(defined.iter().map(|(_, target)| *target)) {
            if target.starts_with("http") {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let led_to = match file {
                "" => path.clone(),
                _ => path.parent().unwrap_or(Path::new("")).join(file),
            };
            let found = std::fs::read_to_string(&led_to);
            let found = found.unwrap_or_else(|error| panic!("{}: {target}: {error}", path.display()));
            let ok = section.is_empty() || has_anchor(&found, section);
            assert!(ok, "{}: {target}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 80, "{checked}");
}

/// A link that only the chapter defines would lead to a file on a page of rustdoc.
#[test]
fn every_link_of_a_chapter_is_defined_for_rustdoc_too_and_used() {
    fn labels(page: &str) -> BTreeSet<String> {
        let labels = definitions(page).into_iter();
        labels.map(|(label, _)| label.to_owned()).collect()
    }
    let for_rustdoc = labels(LINKS);
    let mut in_chapters = BTreeSet::new();
    for (name, page) in chapters() {
        for label in labels(&page) {
            let uses = page.matches(&format!("[{label}]")).count();
            assert!(uses > 1, "{name}: [{label}] is defined and not used");
            in_chapters.insert(label);
        }
        // A link without a definition shows its brackets.
        for line in prose(&page).filter(|line| !line.contains("]: ")) {
            for (at, _) in line.match_indices("[`") {
                let (label, after) = line[at + 1..].split_once("`]").expect("the end of a link");
                if !after.starts_with(['[', '(']) {
                    assert!(labels(&page).contains(&format!("{label}`")), "{name}: [{label}`]");
                }
            }
        }
    }
    assert_eq!(in_chapters, for_rustdoc);
}

#[test]
fn code_is_a_doctest_or_a_part_of_an_example() {
    let examples: String = files(&root().join("examples"), &["rs"])
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let mut tested = 0;
    for (name, page) in chapters() {
        for (language, code) in blocks(&page) {
            match language {
                "" | "no_run" => tested += 1,
                "rust,ignore" => assert!(examples.contains(code), "{name}: in no example:\n{code}"),
                "ini" | "nginx" | "sh" | "sql" | "text" | "toml" => {}
                other => panic!("{name}: a block of `{other}`"),
            }
        }
    }
    assert!(tested > 20, "{tested}");
}

#[test]
fn the_table_of_401s_quotes_the_log() {
    let (_, table) = OPERATING
        .split_once("## Every delivery is answered `401`")
        .expect("the table");
    let sources: String = files(&root().join("apideck-hooks/src/signature/explain"), &["rs"])
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    // The name of the header is put in when the line is written, and a long text is broken.
    let sources = sources.replace("{HEADER}", "x-apideck-signature");
    let sources: Vec<_> = sources.split_whitespace().filter(|word| *word != "\\").collect();
    let sources = sources.join(" ");
    let causes = rows(table);
    assert!(causes.len() > 10, "{}", causes.len());
    for cause in causes {
        let quoted = names(cause[0]).next().expect("a quotation");
        assert!(sources.contains(quoted), "{quoted}");
    }
}
