//! YAML that this program and Ruby's Psych must read alike.

use std::io::Write as _;
use std::process::{Command, Stdio};

use banquet_sdk::conformance::requires;
use serde_json::Value as Json;

use super::read;

/// Separated by lines of `====`.
const SNIPPETS: &str = include_str!("snippets.txt");

/// What this program reads otherwise, and why.
const OTHERWISE: [(&str, &str); 3] = [
    (
        "a: [.inf, -.INF, +.inf, .NaN, .nan]",
        "no plugin counts so far: the spelling is kept",
    ),
    ("a: !!binary aGk=", "no setting is binary: the text is kept"),
    ("a: !ruby/symbol x", "a configuration is plain data"),
];

/// Writes a line of JSON for each snippet on standard input: what Test Kitchen's loader reads
/// (loader/yaml.rb, parse_yaml_string), null where it refuses it. Keys must become symbols there.
const PROGRAM: &str = r#"
plain = lambda do |value|
  case value
  when Hash
    value.to_h { |key, inner| [(raise TypeError unless key.respond_to?(:to_sym); key.to_s), plain.call(inner)] }
  when Array then value.map { |inner| plain.call(inner) }
  when Symbol then ":#{value}"
  when Float then value.finite? ? value : value.to_s
  else value
  end
end
$stdin.read.force_encoding('UTF-8').split("\n====\n", -1).each do |text|
  begin
    read = YAML.safe_load(text + "\n", permitted_classes: [Symbol], permitted_symbols: [], aliases: true) || {}
    raise TypeError unless read.is_a?(Hash)
    puts JSON.generate(plain.call(read))
  rescue Exception
    puts 'null'
  end
end
"#;

#[test]
fn snippets_are_read_as_psych_reads_them() {
    let ruby = banquet_erb::ruby().ok_or("there is no `ruby` on the PATH");
    if !requires("ruby", ruby.as_ref().map(drop)) {
        return;
    }
    let mut child = Command::new(ruby.unwrap())
        .args(["-ryaml", "-rjson", "-e", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(SNIPPETS.as_bytes()).unwrap();
    drop(input);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let theirs: Vec<Json> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let snippets: Vec<_> = SNIPPETS.split("\n====\n").collect();
    assert_eq!(snippets.len(), theirs.len());
    let mut differ = Vec::new();
    for (snippet, theirs) in snippets.into_iter().zip(theirs) {
        let ours = match read(&[("kitchen.yml", &format!("{snippet}\n"))]) {
            Ok(config) => match config.raw[0].1.to_json() {
                Json::Object(map) => Json::Object(map),
                _ => Json::Object(serde_json::Map::new()),
            },
            Err(_) => Json::Null,
        };
        let otherwise = OTHERWISE.iter().any(|(known, _)| *known == snippet);
        if (ours == theirs) == otherwise {
            differ.push(format!("{snippet}\n  ours:  {ours}\n  Psych: {theirs}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n\n")
    );
}
