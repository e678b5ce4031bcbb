//! Reading objects.
//!
//! # How it works
//!
//! The stack holds the members of all objects that have not ended. While a member's value is read,
//! the objects in it can leave patches on top of the stack. They become the children of the member,
//! which is pushed in their place. When an object ends, its members are on top of the stack:
//!
//! - If they are printed as they are, they are popped, and nothing is left of the object.
//! - Otherwise they are put in their new order and become the children of a patch for the object.
//!   The patch is pushed in their place.
//!
//! Even an unsorted object inside an array can get a new order (see `order`).

use std::cmp::Ordering;

use super::{
    Sorting,
    error::Stop,
    member_key::MemberKey,
    node::{Children, Node},
    sorter::{BYTES_PER_NODE, Sorter},
    string,
};
use crate::json::run_end;

/// An object that is being read.
struct Object {
    /// The position of its first member on the stack.
    base: usize,
    in_array: bool,
    /// `true` if its keys are sorted.
    sorted: bool,
    /// `true` while its members are in the order of a sorted object and no key is repeated.
    ordered: bool,
    /// `true` if a member's value has a patch.
    patched: bool,
    /// `true` if a member is not printed.
    dropped: bool,
}

impl Sorter<'_> {
    /// Reads an object. Leaves a patch on the stack if the object is not printed as it is.
    pub(super) fn object(&mut self, at: usize, depth: usize, in_array: bool) -> Result<usize, Stop> {
        let start = self.compact.position(at);
        let mut object = Object {
            base: self.stack.len(),
            in_array,
            sorted: !in_array || self.sorting == Sorting::Everywhere,
            ordered: true,
            patched: false,
            dropped: false,
        };
        let mut at = self.whitespace(at + 1);
        if self.byte(at) == Some(b'}') {
            return Ok(at + 1);
        }
        loop {
            at = self.member(at, depth, &mut object)?;
            at = self.whitespace(at);
            match self.byte(at) {
                Some(b',') => at = self.whitespace(at + 1),
                Some(b'}') => break,
                _ => return Err(self.unexpected(at)),
            }
        }
        at += 1;
        if self.arrange(&object) {
            let children = self.pop_children(object.base);
            self.stack.push(Node {
                key: MemberKey::NONE,
                start,
                end: self.compact.position(at),
                children,
            });
        } else {
            self.stack.truncate(object.base);
        }
        Ok(at)
    }

    /// Reads a member and pushes it on the stack, unless it is not printed.
    #[inline]
    fn member(&mut self, at: usize, depth: usize, object: &mut Object) -> Result<usize, Stop> {
        let patches = self.stack.len();
        let start = self.compact.position(at);
        let (key, at) = self.key(at)?;
        let at = self.whitespace(at);
        let at = self.expect(at, b':')?;
        let at = self.whitespace(at);
        let at = self.value(at, depth, object.in_array)?;

        let prototype = key.is_prototype(self.source, &self.keys);
        self.differs |= prototype && object.in_array;
        if prototype && object.sorted {
            object.dropped = true;
            self.stack.truncate(patches);
            return Ok(at);
        }
        let mut children = Children::NONE;
        if self.stack.len() > patches {
            object.patched = true;
            children = self.pop_children(patches);
        }
        if object.ordered && patches > object.base {
            let last = self.stack[patches - 1].key;
            object.ordered = last.compare(&key, self.source, &self.keys) == Ordering::Less;
        }
        self.stack.push(Node {
            key,
            start,
            end: self.compact.position(at),
            children,
        });
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
        // UTF-8 of up to three bytes compares as UTF-16 does. Longer sequences begin with 0xF0 or
        // more.
        let key = if escaped || !self.ascii && text.iter().any(|&byte| byte >= 0xF0) {
            let start = self.keys.len();
            string::decode(text, &mut self.keys);
            MemberKey::in_keys(&self.keys, start)
        } else {
            MemberKey::in_source(self.source, start, text.len())
        };
        Ok((key, at))
    }

    /// Puts the members of an object that has ended in print order. Returns `true` if the object
    /// needs a patch.
    #[inline]
    fn arrange(&mut self, object: &Object) -> bool {
        self.differs |= object.in_array && !object.ordered;
        let changed = if object.ordered {
            object.dropped
        } else if object.sorted {
            self.sort_members(object.base);
            true
        } else {
            self.order_as_parsed(object.base)
        };
        changed || object.patched
    }

    /// Moves the nodes from `base` on from the stack to `children`.
    fn pop_children(&mut self, base: usize) -> Children {
        let first = self.children.len();
        if self.children.capacity() == 0 {
            self.children.reserve(self.source.len() / BYTES_PER_NODE + 4);
        }
        self.children.extend_from_slice(&self.stack[base..]);
        self.stack.truncate(base);
        // Both fit, because a body has fewer nodes than bytes.
        Children {
            first: first as u32,
            count: (self.children.len() - first) as u32,
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
    fn an_ordered_body_is_its_own_sorted_text() {
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
    fn objects_in_arrays_are_sorted_everywhere_only() {
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
    fn a_key_that_sets_the_prototype_is_not_printed() {
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
    fn keys_with_a_long_common_prefix_are_sorted() {
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
