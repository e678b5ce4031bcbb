//! `JSON.parse`, by its grammar.

use crate::value::Value;

/// Deeper than this the engine reads nothing.
const MAX_DEPTH: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Syntax,
    TooDeep,
}

pub fn parse(text: &str) -> Result<Value, Fault> {
    let mut parser = Parser {
        units: text.encode_utf16().collect(),
        at: 0,
    };
    let value = parser.value(0)?;
    parser.space();
    if parser.at == parser.units.len() {
        Ok(value)
    } else {
        Err(Fault::Syntax)
    }
}

struct Parser {
    units: Vec<u16>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        let unit = *self.units.get(self.at)?;
        Some(char::from_u32(unit.into()).unwrap_or('\u{fffd}'))
    }

    fn eat(&mut self, char: char) -> bool {
        let eaten = self.peek() == Some(char);
        self.at += usize::from(eaten);
        eaten
    }

    fn need(&mut self, char: char) -> Result<(), Fault> {
        if self.eat(char) {
            Ok(())
        } else {
            Err(Fault::Syntax)
        }
    }

    fn space(&mut self) {
        while self.eat(' ') || self.eat('\t') || self.eat('\n') || self.eat('\r') {}
    }

    /// A value with the space before it.
    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.space();
        match self.peek().ok_or(Fault::Syntax)? {
            '"' => self.string().map(Value::String),
            't' => self.literal("true"),
            'f' => self.literal("false"),
            'n' => self.literal("null"),
            '[' | '{' if depth == MAX_DEPTH => Err(Fault::TooDeep),
            '[' => self.array(depth + 1),
            '{' => self.object(depth + 1),
            _ => self.number(),
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<Value, Fault> {
        literal.chars().try_for_each(|char| self.need(char))?;
        Ok(Value::Literal(literal))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.need('[')?;
        let mut elements = Vec::new();
        self.space();
        if self.eat(']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.space();
            if self.eat(']') {
                return Ok(Value::Array(elements));
            }
            self.need(',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        self.need('{')?;
        let mut members = Vec::new();
        self.space();
        if self.eat('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.need(':')?;
            members.push((key, self.value(depth)?));
            self.space();
            if self.eat('}') {
                return Ok(Value::Object(members));
            }
            self.need(',')?;
        }
    }

    fn string(&mut self) -> Result<Vec<u16>, Fault> {
        self.need('"')?;
        let mut string = Vec::new();
        loop {
            let unit = *self.units.get(self.at).ok_or(Fault::Syntax)?;
            self.at += 1;
            match unit {
                0x22 => return Ok(string),
                0x5c => string.push(self.escape()?),
                0..0x20 => return Err(Fault::Syntax),
                _ => string.push(unit),
            }
        }
    }

    fn escape(&mut self) -> Result<u16, Fault> {
        let char = self.peek().ok_or(Fault::Syntax)?;
        self.at += 1;
        Ok(match char {
            '"' | '\\' | '/' => char as u16,
            'b' => 8,
            't' => 9,
            'n' => 10,
            'f' => 12,
            'r' => 13,
            'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    let digit = self
                        .peek()
                        .and_then(|digit| digit.to_digit(16))
                        .ok_or(Fault::Syntax)?;
                    unit = unit * 16 + digit as u16;
                    self.at += 1;
                }
                unit
            }
            _ => return Err(Fault::Syntax),
        })
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        self.eat('-');
        if !self.eat('0') {
            self.digits()?;
        }
        if self.eat('.') {
            self.digits()?;
        }
        if self.eat('e') || self.eat('E') {
            let _ = self.eat('+') || self.eat('-');
            self.digits()?;
        }
        let text = String::from_utf16(&self.units[start..self.at]).expect("ASCII");
        Ok(Value::Number(text.parse().expect("a number")))
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(|char| char.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(Fault::Syntax)
        }
    }
}
