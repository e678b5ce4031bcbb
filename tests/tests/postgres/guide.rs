//! The SQL of the guide's chapter on operating.

use super::{EVENT, database, hooks};
use apideck_hooks::store::LetterFilter;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::{Probe, Step};
use sqlx::{AssertSqlSafe, Column, Row};

const PAGE: &str = include_str!("../../../apideck-hooks/docs/operating.md");

/// The `sql` blocks of the page.
fn queries() -> Vec<&'static str> {
    let blocks = PAGE.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("```").next().expect("SQL"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_guide_show_dead_letters_and_no_credentials() {
    let database = database!();
    let store = database.store(2).await;
    let probe = Probe::new([Step::Refuse]);
    let hooks = hooks(&probe).source("billing").store(store).build().unwrap();
    let dead = event(EVENT, "e1").set("entity.settings.api_key", "credential");
    dead.call(&hooks).await.assert_dead_lettered();
    let letters = hooks.dead_letters().unwrap();
    let letter = letters
        .list(&LetterFilter::new(), None, 1)
        .await
        .unwrap()
        .remove(0);

    let pool = database.pool(1);
    let queries = queries();
    assert_eq!(queries.len(), 3);
    let mut answers = Vec::new();
    for query in queries {
        let query = query
            .replace("apideck_hooks.records", &format!("{}.records", database.schema))
            .replace(&"0".repeat(32), &letter.record.to_string());
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&pool).await.unwrap();
        assert_eq!(rows.len(), 1);
        answers.extend(rows);
    }
    let [sources, list, body] = &answers[..] else {
        panic!("three rows")
    };
    assert_eq!(sources.get::<String, _>("source"), "billing");
    assert_eq!(sources.get::<i64, _>("letters"), 1);
    assert_eq!(sources.column(3).name(), "oldest");
    assert_eq!(list.get::<String, _>("record"), letter.record.to_string());
    assert_eq!(list.get::<String, _>("event_type"), EVENT);
    assert_eq!(list.get::<i32, _>("attempts"), 1);
    assert_eq!(list.get::<String, _>("error"), letter.letter.error);
    let body = body.get::<String, _>("body");
    assert!(body.contains(EVENT) && !body.contains("credential"), "{body}");
}
