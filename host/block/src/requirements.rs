//! Splits a string of pip requirements, as in Omniscope's manifests, into single ones: they are separated by white
//! space, which may also occur inside of one, around its operators, commas, extras and markers. pip interprets them.

/// Operators of versions, the longer ones first.
const OPERATORS: [&str; 8] = ["===", "==", ">=", "<=", "!=", "~=", ">", "<"];

/// pip's options that take an argument.
const WITH_ARGUMENT: [&str; 11] = [
    "-r",
    "-c",
    "-e",
    "-i",
    "-f",
    "--requirement",
    "--constraint",
    "--editable",
    "--index-url",
    "--extra-index-url",
    "--find-links",
];

/// The requirements in a text, each in its shortest form, and the words that are not requirements.
pub(super) fn split(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut requirements, mut others) = (Vec::new(), Vec::new());
    let mut rest = Rest(text);
    loop {
        rest.skip_between();
        if rest.0.is_empty() {
            return (requirements, others);
        }
        if rest.0.starts_with('-') {
            let option = rest.word();
            let argument = if WITH_ARGUMENT.contains(&option) { rest.skip_blanks().word() } else { "" };
            others.push(format!("{option} {argument}").trim_end().to_owned());
        } else if let Some(requirement) = rest.requirement() {
            requirements.push(requirement);
        } else {
            others.push(rest.word().to_owned());
        }
    }
}

/// The unread rest of the text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_blanks(&mut self) -> &mut Self {
        self.0 = self.0.trim_start();
        self
    }

    /// Skips separators of requirements: white space, commas, and comments to the end of their line.
    fn skip_between(&mut self) {
        loop {
            self.0 = self.0.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
            let Some(comment) = self.0.strip_prefix('#') else { return };
            self.0 = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        self.take(self.0.find(|character| !wanted(character)).unwrap_or(self.0.len()))
    }

    fn word(&mut self) -> &'a str {
        self.take_while(|character| !character.is_whitespace())
    }

    /// Consumes `wanted` and the white space before it, or nothing if the text continues differently.
    fn accept(&mut self, wanted: &str) -> bool {
        let Some(rest) = self.0.trim_start().strip_prefix(wanted) else { return false };
        self.0 = rest;
        true
    }

    fn requirement(&mut self) -> Option<String> {
        let ahead = self.0.split_whitespace().next().unwrap_or_default();
        if ahead.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('@')) {
            return Some(self.word().to_owned());
        }
        if !self.0.starts_with(|character: char| character.is_ascii_alphanumeric()) {
            return None;
        }
        let mut text =
            self.take_while(|character| character.is_ascii_alphanumeric() || "._-".contains(character)).to_owned();
        if self.accept("[") {
            let extras = self.take_while(|character| character != ']').split_whitespace().collect::<String>();
            self.accept("]");
            text.push_str(&format!("[{extras}]"));
        }
        if self.accept("@") {
            text.push_str(&format!(" @ {}", self.skip_blanks().word()));
        } else if self.accept("(") {
            self.versions(&mut text);
            self.accept(")");
        } else {
            self.versions(&mut text);
        }
        if self.accept(";") {
            text.push_str(&format!("; {}", self.marker()));
        }
        Some(text)
    }

    fn versions(&mut self, text: &mut String) {
        loop {
            let Some(operator) = OPERATORS.into_iter().find(|operator| self.accept(operator)) else { return };
            let version =
                self.skip_blanks().take_while(|character| !character.is_whitespace() && !",;()#".contains(character));
            text.push_str(&format!("{operator}{version}"));
            let after = self.0.trim_start().strip_prefix(',').map(str::trim_start);
            match after.filter(|after| OPERATORS.iter().any(|operator| after.starts_with(operator))) {
                Some(after) => {
                    text.push(',');
                    self.0 = after;
                }
                None => return,
            }
        }
    }

    /// A marker such as `python_version < "3.10" and os_name == "posix"`: comparisons joined by `and` and `or`.
    fn marker(&mut self) -> String {
        let mut words: Vec<String> = Vec::new();
        loop {
            while self.accept("(") {
                words.push("(".into());
            }
            words.push(self.operand());
            let operator = OPERATORS.into_iter().chain(["not in", "in"]).find(|operator| self.accept(operator));
            if let Some(operator) = operator {
                words.extend([operator.to_owned(), self.operand()]);
            }
            while self.accept(")") {
                words.push(")".into());
            }
            match ["and ", "or "].into_iter().find(|word| self.accept(word)) {
                Some(word) => words.push(word.trim().to_owned()),
                None => return words.join(" ").replace("( ", "(").replace(" )", ")"),
            }
        }
    }

    fn operand(&mut self) -> String {
        self.skip_blanks();
        let quote = self.0.chars().next().filter(|first| matches!(first, '"' | '\''));
        let Some(quote) = quote else {
            return self.take_while(|character| character.is_alphanumeric() || character == '_').to_owned();
        };
        self.take(1);
        let text = self.take_while(|character| character != quote);
        self.accept(&quote.to_string());
        format!("{quote}{text}{quote}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements(text: &str) -> Vec<String> {
        let (requirements, others) = split(text);
        assert_eq!(others, Vec::<String>::new(), "{text}");
        requirements
    }

    #[test]
    fn white_space_of_any_kind_is_between_requirements() {
        assert_eq!(requirements(""), Vec::<String>::new());
        assert_eq!(requirements(" \t\r\n "), Vec::<String>::new());
        assert_eq!(
            requirements("pandas  numpy>=1.2\r\nscikit-learn\tPillow\u{a0}x"),
            ["pandas", "numpy>=1.2", "scikit-learn", "Pillow", "x"]
        );
        assert_eq!(requirements("pandas, numpy,scipy"), ["pandas", "numpy", "scipy"]);
        assert_eq!(requirements("# all of them\npandas # tables\nnumpy"), ["pandas", "numpy"]);
    }

    #[test]
    fn a_requirement_with_blanks_inside_is_put_together() {
        assert_eq!(requirements("pandas >= 2 numpy == 1.26 , < 2  scipy"), ["pandas>=2", "numpy==1.26,<2", "scipy"]);
        assert_eq!(requirements("pandas\n>=\n2,\n!= 2.1.0\nnumpy ~=1.2"), ["pandas>=2,!=2.1.0", "numpy~=1.2"]);
        assert_eq!(requirements("pandas (>= 2, < 3) numpy"), ["pandas>=2,<3", "numpy"]);
        assert_eq!(requirements("requests [ security, socks ] >= 2.8 six"), ["requests[security,socks]>=2.8", "six"]);
        assert_eq!(requirements("torch===2.1+cpu x==1.*"), ["torch===2.1+cpu", "x==1.*"]);
    }

    #[test]
    fn markers_and_addresses_belong_to_their_requirement() {
        assert_eq!(
            requirements(
                "tomli >=1 ; python_version < '3.11' and (os_name == \"posix\" or sys_platform not in 'a b') six"
            ),
            ["tomli>=1; python_version < '3.11' and (os_name == \"posix\" or sys_platform not in 'a b')", "six"]
        );
        assert_eq!(requirements("a @ https://x.example/a.whl b"), ["a @ https://x.example/a.whl", "b"]);
        assert_eq!(requirements("git+https://x.example/a@v1 b"), ["git+https://x.example/a@v1", "b"]);
        assert_eq!(requirements("https://x.example/a.whl b"), ["https://x.example/a.whl", "b"]);
    }

    #[test]
    fn what_is_no_requirement_is_told_apart() {
        let (requirements, others) = split("-r more.txt pandas --no-deps ==2 <3 numpy");
        assert_eq!(requirements, ["pandas", "numpy"]);
        assert_eq!(others, ["-r more.txt", "--no-deps", "==2", "<3"]);
    }

    #[test]
    fn nonsense_ends() {
        for text in [";", "a;", "a[", "a(", "a@", "a>=", ", ,", "a; (", "é", "a; '", "((((", "a==,,b", "a ; x in"] {
            split(text);
        }
    }
}
