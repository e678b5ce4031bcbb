//! JSON values as JavaScript has them.

/// A value. Strings are UTF-16 code units, as in JavaScript.
#[derive(Clone, Debug)]
pub enum Value {
    /// `true`, `false` or `null`.
    Literal(&'static str),
    Number(f64),
    String(Vec<u16>),
    Array(Vec<Value>),
    /// The members as they stand in the text, with all that have the same key.
    Object(Vec<(Vec<u16>, Value)>),
}

impl Value {
    /// What the guide's `sort` gives, and with `in_arrays` one that goes into arrays too.
    pub fn sorted(self, in_arrays: bool) -> Self {
        match self {
            Self::Array(elements) if in_arrays => {
                Self::Array(elements.into_iter().map(|element| element.sorted(true)).collect())
            }
            Self::Object(_) => {
                let mut members = self.members();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                // `out["__proto__"] = …` sets the prototype.
                let prototype: Vec<u16> = "__proto__".encode_utf16().collect();
                members.retain(|(key, _)| *key != prototype);
                Self::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key, value.sorted(in_arrays)))
                        .collect(),
                )
            }
            other => other,
        }
    }

    /// An object's members as JavaScript enumerates them: array indices first, in their order, then
    /// the other keys in the order in which they came; and of equal keys the last value at the
    /// first one's place.
    pub fn members(self) -> Vec<(Vec<u16>, Value)> {
        let Self::Object(all) = self else {
            return Vec::new();
        };
        let mut members: Vec<(Vec<u16>, Value)> = Vec::new();
        for (key, value) in all {
            match members.iter_mut().find(|(other, _)| *other == key) {
                Some((_, old)) => *old = value,
                None => members.push((key, value)),
            }
        }
        let (mut indices, names): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|(key, _)| index(key).is_some());
        indices.sort_by_key(|(key, _)| index(key));
        indices.extend(names);
        indices
    }
}

/// The array index that a key is: a number below 2^32 - 1, written as JavaScript writes it.
fn index(key: &[u16]) -> Option<u32> {
    let text = String::from_utf16(key).ok()?;
    let index: u32 = text.parse().ok()?;
    (index < u32::MAX && index.to_string() == text).then_some(index)
}
