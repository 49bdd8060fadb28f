//! Templates that this program and Ruby itself must make the same of.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use banquet_sdk::conformance::requires;

use super::super::{Environment, Refused, evaluate, ruby};
use super::environment;

/// Separated by lines of `====`.
const TEMPLATES: &str = include_str!("templates.txt");
const BETWEEN: &str = "\n====\n";

/// Writes a line for each template on standard input: what happened, and texts in hexadecimal. The
/// first line is Ruby's version.
const PROGRAM: &str = r#"
answer = $stdout.dup
$stdout.reopen(File::NULL)
$stderr.reopen(File::NULL)
hex = ->(text) { '.' + text.to_s.dup.force_encoding('BINARY').unpack1('H*') }
answer.puts(RUBY_VERSION)
$stdin.read.force_encoding('UTF-8').split("\n====\n", -1).each do |template|
  begin
    erb = ERB.new(template)
    erb.filename = '/project/kitchen.yml'
    answer.puts("text #{hex.call(erb.result)}")
  rescue Exception => e
    answer.puts("raised #{hex.call(e.class)} #{hex.call(e.message)}")
  end
end
"#;

/// What was made of a template.
#[derive(Debug, PartialEq, Eq)]
enum Made {
    Text(String),
    Raised(String, String),
    Beyond(String),
}

#[test]
fn templates_are_rendered_as_ruby_renders_them() {
    let found = ruby::find(&Environment::current()).ok_or("there is no `ruby` on the PATH");
    if !requires("ruby", found.as_ref().map(drop)) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let environment = Environment {
        directory: directory.path().into(),
        ..environment()
    };
    let (version, theirs) = rubys(&found.unwrap(), &environment);
    if !["3.1.", "3.2.", "3.3."]
        .iter()
        .any(|known| version.starts_with(known))
    {
        eprintln!("skipped: Ruby {version} words and prints some things otherwise than 3.1");
        return;
    }
    let mut differ = Vec::new();
    for (template, theirs) in TEMPLATES.split(BETWEEN).zip(theirs) {
        let ours = ours(template, &environment);
        let same = match (&ours, &theirs) {
            (Made::Raised(ours, _), Made::Raised(theirs, _)) if !version.starts_with("3.1.") => {
                ours == theirs
            }
            // A message of Ruby's parser is not ours to repeat.
            (Made::Raised(ours, _), Made::Raised(theirs, _)) if ours == "SyntaxError" => {
                ours == theirs
            }
            (ours, theirs) => ours == theirs,
        };
        if !same {
            differ.push(format!("{template}\n  ours: {ours:?}\n  Ruby: {theirs:?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n\n")
    );
}

fn ours(template: &str, environment: &Environment) -> Made {
    match evaluate(template, Path::new("/project/kitchen.yml"), environment) {
        Ok(rendered) => Made::Text(rendered.text),
        Err(Refused::Beyond(error)) => Made::Beyond(error.message),
        Err(Refused::Wrong(error)) => Made::Raised("SyntaxError".into(), error.message),
        Err(Refused::Error(error)) => {
            let raised = error.message.strip_prefix("this template raised ");
            let (class, message) = raised
                .and_then(|text| text.split_once(": "))
                .unwrap_or_default();
            Made::Raised(class.into(), message.into())
        }
    }
}

/// Ruby's version and what it makes of the templates.
fn rubys(ruby: &Path, environment: &Environment) -> (String, Vec<Made>) {
    let mut child = Command::new(ruby)
        .args(["-rerb", "-e", PROGRAM])
        .env_clear()
        .envs(environment.variables.iter().cloned())
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&environment.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(TEMPLATES.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut lines = output.lines();
    let version = lines.next().unwrap_or_default().to_owned();
    let text = |word: &str| ruby::decoded(&word[1..]).unwrap();
    let made = lines.map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        ["text", rendered] => Made::Text(text(rendered)),
        ["raised", class, message] => Made::Raised(text(class), text(message)),
        _ => panic!("an answer: {line}"),
    });
    (version, made.collect())
}
