//! The query of a request.

use std::str::FromStr;

use super::problem::Problem;

/// The names and values of a query, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// A name is not one of `known`, because a misspelt filter would match everything. A name comes
    /// twice, or an escape is not one.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let parts = query.unwrap_or_default().split('&');
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err(Problem::bad_request("the query has an escape that is not one"));
            };
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(Problem::bad_request(format!(
                    "no such parameter: the query takes {known}"
                )));
            }
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(Problem::bad_request(format!("`{name}` comes twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Returns a value. `None` if it is absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let (_, value) = pairs.find(|(seen, _)| seen == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Reads a value of another type. `None` if it is absent or empty.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.text(name).map(str::parse).transpose();
        parsed.map_err(|_| Problem::bad_request(format!("`{name}` is malformed")))
    }

    /// Reads the number of rows: `usual` if it is absent, and at most `most`.
    pub(super) fn limit(&self, usual: u32, most: u32) -> Result<u32, Problem> {
        Ok(self.parsed("limit")?.unwrap_or(usual).clamp(1, most))
    }
}

/// Decodes a part of a query as a form encodes it. `None` if it is malformed.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let query = "event=a%2Eb+c&text=%C3%A9&limit=&after";
        let query = Query::read(Some(query), &["event", "text", "limit", "after"]).unwrap();
        assert_eq!(query.text("event"), Some("a.b c"));
        assert_eq!(query.text("text"), Some("é"));
        assert_eq!(query.text("limit"), None);
        assert_eq!(query.text("after"), None);
        assert_eq!(query.limit(5, 10).unwrap(), 5);
    }

    #[test]
    fn a_malformed_query_is_refused() {
        for query in [
            "evnt=a",
            "event=a&event=b",
            "event=%",
            "event=%zz",
            "event=%+1",
            "event=%ff",
            "=a",
        ] {
            assert!(Query::read(Some(query), &["event"]).is_err(), "{query}");
        }
        let query = Query::read(Some("limit=x"), &["limit"]).unwrap();
        assert!(query.limit(5, 10).is_err());
        let query = Query::read(Some("limit=99"), &["limit"]).unwrap();
        assert_eq!(query.limit(5, 10).unwrap(), 10);
    }
}
