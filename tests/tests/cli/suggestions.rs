//! A misspelt event, at the shell and in the macro.

use crate::names::unknown;
use crate::program::run;
use apideck_hooks::EventType;
use apideck_hooks::testing::Event;

/// The name that a message suggests first.
fn suggestion(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("did you mean `")?;
    rest.split('`').next()
}

/// Misspells a name in the ways of people.
fn misspelt(name: &str) -> Vec<String> {
    let (_, rest) = name.split_once('.').expect("an API");
    let mut texts = vec![
        name.to_uppercase(),
        name.replace('.', " "),
        name.replace('.', "_"),
        rest.to_owned(),
        format!("{name}."),
        name.split('.').rev().collect::<Vec<_>>().join("."),
    ];
    let middle = name.len() / 2;
    let letters = |text: &str| text.chars().all(|letter| letter.is_ascii_alphabetic());
    if letters(&name[middle - 1..middle + 2]) {
        texts.push(format!("{}{}", &name[..middle], &name[middle + 1..]));
        texts.push(format!("{}{}{}", &name[..middle], "x", &name[middle..]));
        let (a, b) = (&name[middle - 1..middle], &name[middle..middle + 1]);
        texts.push(format!("{}{b}{a}{}", &name[..middle - 1], &name[middle + 1..]));
    }
    texts.retain(|text| !EventType::from(text.as_str()).is_listed());
    texts
}

#[test]
fn the_kit_suggests_the_same_event_as_the_macro() {
    let mut differences = Vec::new();
    let mut count = 0;
    for text in EventType::ALL
        .iter()
        .step_by(3)
        .flat_map(|event| misspelt(event.as_str()))
    {
        let of_macro = unknown(&text);
        let of_kit = Event::try_new(&text).unwrap_err().to_string();
        count += 1;
        if suggestion(&of_macro) != suggestion(&of_kit) {
            differences.push(format!(
                "{text}: {:?}, {:?}",
                suggestion(&of_macro),
                suggestion(&of_kit)
            ));
        }
    }
    assert!(count > 300, "{count}");
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test]
async fn the_command_tells_the_suggestion() {
    for misspelt in [
        "vault.conection.created",
        "ConnectionCallable",
        "crm.contacts.create",
    ] {
        let of_macro = unknown(misspelt);
        let sent = run(&["send", misspelt, "--to", "http://127.0.0.1:1/"]).await;
        assert_eq!(suggestion(&sent.exits(2).stderr), suggestion(&of_macro));
        assert!(suggestion(&of_macro).is_some());
        let listed = run(&["events", misspelt]).await;
        assert_eq!(suggestion(&listed.exits(1).stderr), suggestion(&of_macro));
    }
}
