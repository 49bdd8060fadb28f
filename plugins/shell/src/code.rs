//! The shell code that runs on the instance.

use banquet_sdk::tool::Sudo;
use shell_words::quote;

/// Where things lie on the instance.
#[derive(Debug)]
pub struct Places<'a> {
    /// `root_path`.
    pub root: &'a str,
    /// The file that a script declares its changes in.
    pub changes: &'a str,
}

/// Takes old data away and makes `root_path`.
pub fn clean(places: &Places<'_>, sudo: &Sudo) -> String {
    let data = format!("{}/data", places.root);
    format!(
        "{}\nas_root rm -rf {} {}\nmkdir -p {} || exit",
        sudo.definition(),
        quote(&data),
        quote(places.changes),
        quote(places.root)
    )
}

/// Runs `work` and prints the changes it declared between two lines `mark`; ends as `work` did.
pub fn run(places: &Places<'_>, sudo: &Sudo, work: &str, mark: &str) -> String {
    // Names of instances are in both.
    let (changes, mark) = (quote(places.changes), quote(mark));
    format!(
        "{}\n{work}\ncode=$?\nif [ -f {changes} ]; then\n\
         echo {mark}; cat {changes} 2>/dev/null || as_root cat {changes}; echo {mark}\nfi\n\
         exit $code",
        sudo.definition()
    )
}

/// The work of a script that was uploaded to `path`.
pub fn script(path: &str, arguments: &str) -> String {
    let path = quote(path);
    format!("as_root chmod +x {path} && as_root {path} {arguments}")
}

/// The work of the user's own code, which may exit or not even be well-formed. As in Test Kitchen,
/// it does without sudo and without data.
pub fn command(places: &Places<'_>, code: &str) -> String {
    format!(
        "rm -f {}\nmkdir -p {} || exit\nsh -c {}",
        quote(places.changes),
        quote(places.root),
        quote(code)
    )
}
