//! Templates and what Ruby 3.1 makes of them.

use std::path::Path;

use proptest::prelude::*;

use super::{Environment, ErbError, Rendered, render};

mod against_ruby;
mod controls;
mod limits;
mod objects;

/// Variables that the templates ask for, and no program on the search path.
fn environment() -> Environment {
    let variables = [
        ("A", "aa"),
        ("HOME", "/home/cook"),
        ("LIST", "x, y,z"),
        ("PATH", ""),
    ];
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Environment {
        variables: variables.into_iter().map(pair).collect(),
        directory: "/project".into(),
        now: || "2026-03-04T05:06:07.089[UTC]".parse().unwrap(),
    }
}

fn rendered(template: &str) -> Result<Rendered, ErbError> {
    render(template, Path::new("/project/kitchen.yml"), environment)
}

/// The text, or the message of the error.
fn text(template: &str) -> String {
    match rendered(template) {
        Ok(rendered) => rendered.text,
        Err(error) => error.message,
    }
}

/// Holds each template to what it renders.
fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(text(template), *expected, "{template}");
    }
}

/// Holds each expression to the text of its value.
fn values(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(
            text(&format!("<%= {expression} %>")),
            *expected,
            "{expression}"
        );
    }
}

/// Holds each expression to what it raises.
fn raises(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        let message = text(&format!("<%= {expression} %>"));
        assert_eq!(
            message.strip_prefix("this template raised "),
            Some(*expected),
            "{expression}"
        );
    }
}

#[test]
fn a_text_without_tags_is_itself() {
    let unused = || -> Environment { panic!("nothing to evaluate") };
    let rendered = render("a: 100% <b> %>\n", Path::new("kitchen.yml"), unused).unwrap();
    assert_eq!(
        (rendered.text.as_str(), rendered.lines.len()),
        ("a: 100% <b> %>\n", 0)
    );
}

#[test]
fn tags() {
    check(&[
        (
            "a <%% b %> <%= 1 %> %%> <%# gone %> <% '%%>' %>end",
            "a <% b %> 1 %%>  end",
        ),
        ("<%=1%><%=  2  %>", "12"),
        ("# <%= ENV['A'] %> in a comment", "# aa in a comment"),
        ("a <% never closed", "a  never closed"),
        ("x<% # swallows the line %>y", "x"),
        ("x<% # ends with the line\n%>y", "xy"),
        ("<%= ENV['A'] # same\n%>", "aa"),
        ("<% if true %>\r\nb\r\n<% end %>\r\n", "\r\nb\r\n\r\n"),
        ("\u{feff}a <%= 1 %>", "\u{feff}a 1"),
        ("<% if true\n x = 1 %><%= x %><% end %>", "1"),
        ("<%= ENV['A']; 'last' %>", "last"),
        ("<%= 'z' if true %><%= 'z' unless true %>|", "z|"),
    ]);
}

#[test]
fn environment_variables() {
    values(&[
        ("ENV['A']", "aa"),
        ("ENV[\"NONE\"]", ""),
        ("ENV['NONE'] || 'default'", "default"),
        ("ENV.fetch('NONE', 'd')", "d"),
        ("ENV.fetch 'A', 'd'", "aa"),
        ("ENV.fetch('NONE') { |name| name.downcase }", "none"),
        ("ENV.fetch(\"NONE\", nil) || 'x'", "x"),
        (
            "[ENV.key?('A'), ENV.has_key?('NONE'), ENV.include?('A')]",
            "[true, false, true]",
        ),
        ("ENV['A']=='aa'?'y':'n'", "y"),
        ("!ENV['NONE']", "true"),
        (
            "ENV['NONE'].nil? || ENV['NONE'].empty? ? 'unset' : ENV['NONE']",
            "unset",
        ),
        ("(ENV['NONE'] || '').split(',').map(&:strip).inspect", "[]"),
        (
            "ENV['LIST'].split(',').map { |s| \"'#{s.strip}'\" }.join(', ')",
            "'x', 'y', 'z'",
        ),
        ("ENV.to_h.key?('A')", "true"),
        ("ENV.select { |name, _| name == 'A' }", "{\"A\"=>\"aa\"}"),
        ("ENV.values_at('A', 'NONE')", "[\"aa\", nil]"),
        ("ENV['NONE']&.upcase", ""),
    ]);
    check(&[(
        "<% ENV['N'] = 'v' %><%= ENV['N'] %><% ENV['N'] ||= 'w' %><%= ENV['N'] %><% ENV.delete('N') %><%= ENV['N'] %>",
        "vv",
    )]);
    raises(&[
        ("ENV.fetch('NONE')", "KeyError: key not found: \"NONE\""),
        (
            "ENV['NONE'] + 'x'",
            "NoMethodError: undefined method `+' for nil:NilClass",
        ),
        (
            "'x' + ENV['NONE']",
            "TypeError: no implicit conversion of nil into String",
        ),
        (
            "ENV['NONE'].split(',')",
            "NoMethodError: undefined method `split' for nil:NilClass",
        ),
        (
            "ENV[:A]",
            "TypeError: no implicit conversion of Symbol into String",
        ),
    ]);
}

#[test]
fn files_and_places() {
    values(&[
        ("__FILE__", "/project/kitchen.yml"),
        ("__dir__", "/project"),
        ("Dir.pwd", "/project"),
        ("Dir.home", "/home/cook"),
        ("File.join('a', 'b/', '/c')", "a/b/c"),
        ("File.join(%w[a b])", "a/b"),
        ("File.join('', 'x')", "/x"),
        ("File.expand_path('../x', '/a/b')", "/a/x"),
        (
            "File.expand_path('./keys/vagrant')",
            "/project/keys/vagrant",
        ),
        ("File.expand_path('~/x')", "/home/cook/x"),
        ("File.expand_path('..', __FILE__)", "/project"),
        ("File.basename('/a/b.rb', '.rb')", "b"),
        ("File.basename('/a/b.tar.gz', '.*')", "b.tar"),
        ("File.dirname('/a/b/c')", "/a/b"),
        ("File.dirname('x')", "."),
        ("File.extname('x.tar.gz')", ".gz"),
        ("File.split('/a/b').inspect", "[\"/a\", \"b\"]"),
        ("File.exist?('no such file') ? 1 : 2", "2"),
        ("Dir.glob('no/such/*')", "[]"),
    ]);
    raises(&[(
        "File.read('gone')",
        "Errno::ENOENT: No such file or directory @ rb_sysopen - gone",
    )]);
}

#[test]
fn files_are_looked_up_below_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["b.yml", "a.yml", "c.txt"] {
        std::fs::write(directory.path().join(name), "one\ntwo\n").unwrap();
    }
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    std::fs::write(directory.path().join("sub/d.yml"), "").unwrap();
    let environment = || Environment {
        directory: directory.path().into(),
        ..environment()
    };
    let template = "<%= File.exist?('a.yml') %> <%= File.file?('sub') %> <%= File.directory?('sub') %> \
        <%= File.read('a.yml').lines.size %> <%= File.readlines('a.yml', chomp: true) %> \
        <%= Dir.glob('*.{yml,txt}') %> <%= Dir['**/*.yml'].sort %> <%= Dir.glob('sub/[a-d].*') %>";
    let rendered = render(template, Path::new("kitchen.yml"), environment).unwrap();
    assert_eq!(
        rendered.text,
        "true false true 2 [\"one\", \"two\"] [\"a.yml\", \"b.yml\", \"c.txt\"] \
         [\"a.yml\", \"b.yml\", \"sub/d.yml\"] [\"sub/d.yml\"]"
    );
}

#[test]
fn the_clock_and_chance() {
    values(&[
        ("Time.now.to_i", "1772600767"),
        (
            "Time.now.strftime('%Y%m%d-%H%M%S.%L')",
            "20260304-050607.089",
        ),
        ("Time.now.strftime('%-d/%-m %b %A')", "4/3 Mar Wednesday"),
        (
            "[Time.now.to_s, Time.now.utc.to_s]",
            "[\"2026-03-04 05:06:07 +0000\", \"2026-03-04 05:06:07 UTC\"]",
        ),
        ("(Time.now + 60).min", "7"),
        ("Time.now.year", "2026"),
        ("rand(1)", "0"),
        ("(1..6).include?(rand(1..6))", "true"),
        ("SecureRandom.hex(4) =~ /\\A\\h{8}\\z/", "0"),
        (
            "SecureRandom.uuid =~ /\\A\\h{8}-\\h{4}-4\\h{3}-[89ab]\\h{3}-\\h{12}\\z/",
            "0",
        ),
        ("[1, 2, 3].shuffle.sort", "[1, 2, 3]"),
        (
            "RUBY_PLATFORM =~ /mswin|mingw/ ? 'windows' : 'other'",
            if cfg!(windows) { "windows" } else { "other" },
        ),
    ]);
}

#[test]
fn what_is_printed_is_kept_apart() {
    let rendered = rendered("a<% puts 'hi', [1, [2]] %>b<% print 'x'; p 'y' %>").unwrap();
    assert_eq!(
        (rendered.text.as_str(), rendered.printed.as_str()),
        ("ab", "hi\n1\n2\nx\"y\"\n")
    );
}

#[test]
fn lines_of_the_text_know_their_place() {
    let rendered = rendered("a:\n<% %w[x y].each do |v| %>\n- <%= v %>\n<% end %>\nb:\n").unwrap();
    assert_eq!(rendered.text, "a:\n\n- x\n\n- y\n\nb:\n");
    assert_eq!(rendered.lines, [1, 2, 3, 2, 3, 4, 5]);
}

#[test]
fn errors_show_their_tag() {
    for (template, tag) in [
        (
            "a: <%= 1 %>\nb: <%= ENV.fetch('NONE') %>\n",
            "<%= ENV.fetch('NONE') %>",
        ),
        (
            "<% %w[a].each do |x| %>\n<%= x + 1 %>\n<% end %>",
            "<%= x + 1 %>",
        ),
        ("<% if true %>\nx\n", "<% if true %>"),
        ("a\n<% end %>", "<% end %>"),
        ("<%= 1 %> <%= [1, %> <%= 2 %>", "<%= [1, %>"),
        ("<%= 1 %>\n<%= `hostname` %>", "<%= `hostname` %>"),
        ("<% x = 1 %><%= x.frobnicate %>", "<%= x.frobnicate %>"),
    ] {
        let error = rendered(template).unwrap_err();
        assert_eq!(&template[error.place], tag);
    }
}

#[test]
fn what_needs_ruby_is_named() {
    for (template, what) in [
        ("<%= `hostname` %>", "a shell command in backticks"),
        ("<%= %x(hostname) %>", "a shell command in `%x`"),
        ("<% @v = system('which vagrant') %>", "`system`"),
        ("<% require 'erubis' %>", "`require 'erubis'`"),
        ("<% def f; end %>", "`def`"),
        ("<%= Gem::Version.new('1') %>", "the constant `Gem`"),
        ("<%= 'a'.frobnicate %>", "`frobnicate` of String"),
    ] {
        let error = rendered(template).unwrap_err();
        assert_eq!(
            error.message,
            format!("this template needs Ruby for {what}")
        );
        assert!(error.help.unwrap().contains("no `ruby` on the PATH"));
    }
}

#[test]
fn templates_that_cannot_be_read() {
    check(&[
        (
            "<% if true %>a",
            "this template cannot be read: `if` without `end`",
        ),
        (
            "<% [1].each do |x| %>a",
            "this template cannot be read: `do` without `end`",
        ),
        (
            "<% end %>",
            "this template cannot be read: unexpected `end`",
        ),
        (
            "<%= 1 + %>",
            "this template cannot be read: unexpected end of the tag",
        ),
        (
            "<%= 'a %>",
            "this template cannot be read: this text has no end",
        ),
        (
            "<% break %>",
            "this template leaves a loop where there is none",
        ),
        (
            "<% case 1 %>\n<% when 1 %>x<% end %>",
            "this template cannot be read: unexpected end of the tag",
        ),
    ]);
    let error = rendered("<% if true -%>a<% end %>").unwrap_err();
    assert_eq!(
        error.help.unwrap(),
        "There is no trim mode: end the tag with `%>` instead of `-%>`."
    );
}

#[test]
fn libraries_without_effect_may_be_named() {
    check(&[
        ("<% require 'kitchen-sync' %><% require \"yaml\" %>x", "x"),
        (
            "<% $LOAD_PATH.unshift(File.expand_path('lib', __dir__)) %><% $: << 'x' %>y",
            "y",
        ),
    ]);
}

proptest! {
    #[test]
    fn no_template_panics(template in any::<String>()) {
        let _ = rendered(&format!("<%{template}%>"));
    }

    #[test]
    fn no_program_panics(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        let _ = rendered(&format!("<%= {} %>", words.concat()));
        let _ = rendered(&words.concat());
    }
}

/// Pieces of templates.
const WORDS: &[&str] = &[
    "<%",
    "<%=",
    "%>",
    " ",
    "\n",
    ";",
    "x",
    "y ",
    "A",
    "@x",
    "$1",
    "$~",
    "1",
    "-1",
    "0",
    "2.5",
    "9223372036854775807",
    "'a'",
    "\"b#{",
    "\"",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "|x|",
    "|x, (y, *z)|",
    "=",
    "+=",
    "||=",
    "==",
    "=~",
    "<=>",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "<<",
    ">>",
    "..",
    "...",
    "&.",
    ".",
    "::",
    ",",
    "?",
    ":",
    "=>",
    ":a",
    "a: ",
    "/a(b)?/",
    "%w[a b]",
    "<<~E\n",
    "E\n",
    "\\",
    "é",
    "nil",
    "true",
    "if ",
    "else ",
    "end ",
    "do ",
    "while ",
    "case ",
    "when ",
    "begin ",
    "rescue ",
    "ensure ",
    "break ",
    "next ",
    "raise ",
    "not ",
    "and ",
    "ENV",
    "File",
    "Dir",
    "Time",
    "String",
    "Hash",
    "Array",
    ".new",
    ".each",
    ".map",
    ".select",
    ".first",
    ".slice",
    ".insert",
    ".sub",
    ".gsub",
    ".split",
    ".scan",
    ".center",
    ".tr",
    ".sort",
    ".sort_by",
    ".zip",
    ".product",
    ".flatten",
    ".join",
    ".inject",
    ".step",
    ".times",
    ".upto",
    ".to_s",
    ".to_i",
    ".inspect",
    ".fetch",
    ".dig",
    ".strftime",
    ".round",
    ".rotate",
    ".succ",
    ".with_index",
    ".each_slice",
    ".is_a?",
    "format",
    "->",
    "lambda",
    "puts ",
    "loop ",
    "&:a",
    "*x",
];
