//! Objects: which member is printed where.

use std::cmp::Ordering;

use super::{
    Sorting,
    error::Stop,
    member::{ELSEWHERE, FIRST_NAME, Member, MemberKey, PROTOTYPE, PROTOTYPE_RANK},
    sorter::{Sorter, USUAL_MEMBER},
    string,
};
use crate::json::run_end;

/// So many members are sorted by moving each to its place.
const FEW: usize = 20;

impl Sorter<'_> {
    /// Reads the object that begins at `at`. If it is not to be printed as it stands, it leaves a patch in `open`.
    pub(super) fn object(&mut self, at: usize, depth: usize, in_array: bool) -> Result<usize, Stop> {
        let sorted = !in_array || self.sorting == Sorting::Everywhere;
        let start = self.plain.position(at);
        let base = self.open.len();
        // The members are in order, no key twice; there are patches in them; a member was dropped.
        let (mut ordered, mut patched, mut dropped) = (true, false, false);

        let mut at = self.whitespace(at + 1);
        if self.byte(at) == Some(b'}') {
            return Ok(at + 1);
        }
        loop {
            let patches = self.open.len();
            let member = self.plain.position(at);
            let key;
            (key, at) = self.key(at)?;
            at = self.whitespace(at);
            at = self.expect(at, b':')?;
            at = self.whitespace(at);
            at = self.value(at, depth, in_array)?;

            let prototype = key.rank == PROTOTYPE_RANK && key.bytes(self.source, &self.keys) == PROTOTYPE;
            self.differs |= prototype && in_array;
            if prototype && sorted {
                dropped = true;
                self.open.truncate(patches);
            } else {
                let (mut children, mut count) = (0, 0);
                if self.open.len() > patches {
                    patched = true;
                    (children, count) = self.close(patches);
                }
                if ordered && patches > base {
                    let last = self.open[patches - 1].key;
                    ordered = last.compare(&key, self.source, &self.keys) == Ordering::Less;
                }
                self.open.push(Member {
                    key,
                    start: member,
                    end: self.plain.position(at),
                    children,
                    count,
                });
            }

            at = self.whitespace(at);
            match self.byte(at) {
                Some(b',') => at = self.whitespace(at + 1),
                Some(b'}') => break,
                _ => return Err(self.unexpected(at)),
            }
        }
        at += 1;

        self.differs |= in_array && !ordered;
        let moved = if ordered {
            dropped
        } else if sorted {
            self.sort(base);
            true
        } else {
            self.settle(base)
        };
        if moved || patched {
            let (children, count) = self.close(base);
            self.open.push(Member {
                key: MemberKey::NONE,
                start,
                end: self.plain.position(at),
                children,
                count,
            });
        } else {
            self.open.truncate(base);
        }
        Ok(at)
    }

    /// Reads a member's key.
    #[inline]
    fn key(&mut self, at: usize) -> Result<(MemberKey, usize), Stop> {
        let start = self.expect(at, b'"')?;
        let end = run_end(self.source, start);
        let escaped = self.byte(end) != Some(b'"');
        let at = if escaped {
            self.escaped_string(end)?
        } else {
            end + 1
        };
        let text = &self.source[start..at - 1];
        let key = if escaped || !self.ascii && text.iter().any(|&byte| byte >= 0xF0) {
            let start = self.keys.len();
            string::decode(text, &mut self.keys);
            MemberKey::new(&self.keys, start, self.keys.len() - start, ELSEWHERE)
        } else {
            MemberKey::new(self.source, start, text.len(), 0)
        };
        Ok((key, at))
    }

    /// Moves the records from `base` on to `closed`. Says where they begin and how many they are.
    fn close(&mut self, base: usize) -> (u32, u32) {
        let first = self.closed.len();
        if self.closed.capacity() == 0 {
            self.closed.reserve(self.source.len() / USUAL_MEMBER + 4);
        }
        self.closed.extend_from_slice(&self.open[base..]);
        self.open.truncate(base);
        // There are at most as many records as bytes.
        (first as u32, (self.closed.len() - first) as u32)
    }

    /// Sorts the members from `base` on. Of those with equal keys the last one stays.
    fn sort(&mut self, base: usize) {
        self.order(base);
        let Self {
            open, source, keys, ..
        } = self;
        let mut kept = base;
        for next in base + 1..open.len() {
            if open[kept].key.compare(&open[next].key, source, keys) == Ordering::Less {
                kept += 1;
            }
            open[kept] = open[next];
        }
        open.truncate(kept + 1);
    }

    /// Puts the members from `base` on in the order in which JavaScript enumerates an object that it has parsed: array
    /// indices first, then the other keys as they first occurred, each with its last value. Says whether that
    /// is different from how they stand.
    fn settle(&mut self, base: usize) -> bool {
        let count = self.open.len();
        self.order(base);
        let Self {
            open, source, keys, ..
        } = self;
        let mut moved = open[base].key.rank < FIRST_NAME;
        let mut kept = base;
        let mut first = open[base].start;
        for next in base + 1..open.len() {
            if open[kept].key.compare(&open[next].key, source, keys) == Ordering::Less {
                open[kept].key.place(first);
                kept += 1;
                first = open[next].start;
            }
            open[kept] = open[next];
        }
        open[kept].key.place(first);
        open.truncate(kept + 1);
        moved |= open.len() < count;
        open[base..].sort_unstable_by_key(|member| member.key.rank);
        moved
    }

    /// Sorts the members from `base` on by key, those with equal keys by position.
    fn order(&mut self, base: usize) {
        let Self {
            open, source, keys, ..
        } = self;
        let members = &mut open[base..];
        if members.len() > FEW {
            members.sort_unstable_by(|one, other| {
                let order = one.key.compare(&other.key, source, keys);
                order.then(one.start.cmp(&other.start))
            });
            return;
        }
        // The members of an event's objects, which are few: each moves forward past those that come after it.
        for next in 1..members.len() {
            let member = members[next];
            let after = |other: &Member| other.key.compare(&member.key, source, keys) == Ordering::Greater;
            let mut at = next;
            while at > 0 && after(&members[at - 1]) {
                members[at] = members[at - 1];
                at -= 1;
            }
            members[at] = member;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::signature::canonical::{Sorting, canonical};

    fn sorted(body: &str, sorting: Sorting) -> String {
        String::from_utf8(
            canonical(body.as_bytes(), sorting)
                .unwrap()
                .into_text(body.as_bytes()),
        )
        .unwrap()
    }

    #[track_caller]
    fn check(body: &str, text: &str, in_arrays: &str) {
        assert_eq!(sorted(body, Sorting::OutsideArrays), text);
        assert_eq!(sorted(body, Sorting::Everywhere), in_arrays);
        let differs = canonical(body.as_bytes(), Sorting::OutsideArrays)
            .unwrap()
            .differs();
        assert_eq!(
            differs,
            canonical(body.as_bytes(), Sorting::Everywhere).unwrap().differs()
        );
        assert!(differs || text == in_arrays);
    }

    #[track_caller]
    fn check_both(body: &str, text: &str) {
        check(body, text, text);
    }

    #[test]
    fn keys_are_sorted_at_every_level() {
        check_both(
            r#"{"b":{"d":1,"c":2},"a":{"f":{"h":1,"g":2},"e":3}}"#,
            r#"{"a":{"e":3,"f":{"g":2,"h":1}},"b":{"c":2,"d":1}}"#,
        );
        check_both(r#"{"a":{"c":1,"b":2},"d":1}"#, r#"{"a":{"b":2,"c":1},"d":1}"#);
    }

    #[test]
    fn what_is_in_order_is_the_body_itself() {
        for body in [
            r#"{}"#,
            r#"[]"#,
            r#"{"a":{"a":1,"b":[{}]},"b":{}}"#,
            "1",
            "\"a\"",
            "null",
            "[1,{\"a\":2}]",
        ] {
            assert!(
                canonical(body.as_bytes(), Sorting::OutsideArrays)
                    .unwrap()
                    .is_body()
            );
            check_both(body, body);
        }
    }

    #[test]
    fn objects_in_arrays_are_a_form_of_their_own() {
        check(
            r#"{"b":[{"z":{"d":1,"c":2},"y":[{"f":1,"e":2}]}],"a":1}"#,
            r#"{"a":1,"b":[{"z":{"d":1,"c":2},"y":[{"f":1,"e":2}]}]}"#,
            r#"{"a":1,"b":[{"y":[{"e":2,"f":1}],"z":{"c":2,"d":1}}]}"#,
        );
        check(
            r#"[[{"b":1,"a":2}]]"#,
            r#"[[{"b":1,"a":2}]]"#,
            r#"[[{"a":2,"b":1}]]"#,
        );
    }

    #[test]
    fn array_indices_come_first() {
        check(
            r#"[{"b":0,"10":1,"9":2,"01":3,"-1":4,"4294967295":5,"4294967294":6,"0":7,"1.5":8,"":9}]"#,
            r#"[{"0":7,"9":2,"10":1,"4294967294":6,"b":0,"01":3,"-1":4,"4294967295":5,"1.5":8,"":9}]"#,
            r#"[{"0":7,"9":2,"10":1,"4294967294":6,"":9,"-1":4,"01":3,"1.5":8,"4294967295":5,"b":0}]"#,
        );
        check_both(
            r#"{"\u0031":1,"\u0000":2,"":3,"0":4}"#,
            r#"{"0":4,"1":1,"":3,"\u0000":2}"#,
        );
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        check_both(
            r#"{"b":1,"a":2,"b":{"d":3,"c":4},"\u0061":5}"#,
            r#"{"a":5,"b":{"c":4,"d":3}}"#,
        );
        check_both(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
        check(
            r#"[{"b":1,"c":0,"a":2,"b":{"d":3,"c":4},"a":5}]"#,
            r#"[{"b":{"d":3,"c":4},"c":0,"a":5}]"#,
            r#"[{"a":5,"b":{"c":4,"d":3},"c":0}]"#,
        );
        check_both(r#"[{"a":1,"a":2,"a":3}]"#, r#"[{"a":3}]"#);
        check_both(r#"[{"7":1,"7":2}]"#, r#"[{"7":2}]"#);
    }

    #[test]
    fn an_assigned_prototype_is_no_member() {
        check_both(r#"{"__proto__":{"b":1,"a":2}}"#, "{}");
        check_both(
            r#"{"b":1,"__proto__":[{"b":1,"a":1}],"a":{"__proto__":1},"__proto_":3}"#,
            r#"{"__proto_":3,"a":{},"b":1}"#,
        );
        check_both(r#"{"a":1,"\u005f_proto__":2,"b":3}"#, r#"{"a":1,"b":3}"#);
        check(
            r#"[{"__proto__":1,"a":2}]"#,
            r#"[{"__proto__":1,"a":2}]"#,
            r#"[{"a":2}]"#,
        );
        check(
            r#"[{"a":{"__proto__":1}}]"#,
            r#"[{"a":{"__proto__":1}}]"#,
            r#"[{"a":{}}]"#,
        );
    }

    #[test]
    fn keys_compare_as_utf_16() {
        check_both(
            "{\"\u{ffff}\":1,\"😀\":2,\"é\":3,\"z\":4}",
            "{\"z\":4,\"é\":3,\"😀\":2,\"\u{ffff}\":1}",
        );
        check_both(
            "{\"\u{ffff}\":1,\"\\ud83d\\ude00\":2}",
            "{\"😀\":2,\"\u{ffff}\":1}",
        );
        check_both(
            r#"{"\uD83D\uDE00":1,"\uD83D":2,"\uDE00":3}"#,
            "{\"\\ud83d\":2,\"😀\":1,\"\\ude00\":3}",
        );
        check_both("{\"😀\":1,\"\\ud83d\\ude00\":2}", "{\"😀\":2}");
    }

    #[test]
    fn keys_with_a_long_common_beginning_are_told_apart() {
        check_both(
            r#"{"created_at":1,"created":2,"created_by":3,"created_":4}"#,
            r#"{"created":2,"created_":4,"created_at":1,"created_by":3}"#,
        );
        check_both(
            r#"{"\u0000a":1,"\u0000":2,"\u0000\u0000\u0000\u0000\u0000":3,"":4}"#,
            r#"{"":4,"\u0000":2,"\u0000\u0000\u0000\u0000\u0000":3,"\u0000a":1}"#,
        );
    }

    #[test]
    fn whitespace_is_not_printed() {
        check_both(
            " {\r\n\t\"b\" : [ 1 , 2 , { } , [ ] ] ,\n\"a\" : { \"d\" : null , \"c\" : \" \" } } \n",
            r#"{"a":{"c":" ","d":null},"b":[1,2,{},[]]}"#,
        );
        check_both("[ 1.0 , { \"b\" : 1e2 } ]", r#"[1,{"b":100}]"#);
    }

    #[test]
    fn many_members_are_sorted() {
        let name = |n: usize| format!("\"k{:04}\":[{{\"v\":{n}}}]", n * 7919 % 1000);
        let body = format!("{{{}}}", (0..1000).map(name).collect::<Vec<_>>().join(","));
        let mut members: Vec<_> = (0..1000).map(name).collect();
        members.sort();
        check_both(&body, &format!("{{{}}}", members.join(",")));
    }
}
