//! The command line of a benchmark.

/// Options that every benchmark takes.
#[derive(Default, Debug)]
pub struct Options {
    /// Fails if a limit is missed.
    pub check: bool,
    /// Runs as short as possible, and measures nothing.
    pub smoke: bool,
    /// All other arguments. They select what is measured.
    pub words: Vec<String>,
}

impl Options {
    /// Reads the command line of this process.
    pub fn from_env() -> Self {
        Self::read(std::env::args().skip(1))
    }

    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        for argument in arguments {
            match &*argument {
                "--check" => options.check = true,
                "--smoke" => options.smoke = true,
                _ => options.words.push(argument),
            }
        }
        options
    }

    /// Tells if a name is selected: it contains one of the words, or there are none.
    pub fn selects(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(&**word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_select() {
        let options = Options::read(["16 KB", "--check", "redis"].map(str::to_owned).into_iter());
        assert!(options.check && !options.smoke);
        assert!(options.selects("16 KB of array") && options.selects("redis") && !options.selects("example"));
        assert!(Options::default().selects("example"));
    }
}
