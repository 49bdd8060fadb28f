//! Templates that would never end or fill the memory, and Ruby's help.

use super::{check, text};

#[test]
fn endless_templates_end() {
    for template in [
        "<% loop { } %>",
        "<% while true; end %>",
        "<% x = 'a'; x << x while true %>",
        "<% x = [1]; x += x while true %>",
        "<% a = [1]; a.each { a << 1 } %>",
        "<%= 'a' * 10_000_000_000 %>",
        "<%= (1..10_000_000_000).to_a %>",
        "<%= [0] * 10_000_000_000 %>",
        "<%= 'x'.ljust(10_000_000_000) %>",
        "<%= '%99999999999d' % 1 %>",
        "<% a = []; a[10_000_000_000] = 1 %>",
        "<% x = 'x' * 1000; loop do %>\n<%= x %>\n<% end %>",
        "<% a = (1..99).to_a; a = a.product(a) while true %>",
        "<%= Array.new(10_000_000_000, 1) %>",
        "<% begin; loop { }; rescue Exception; end %>",
    ] {
        let message = text(template);
        let refused = ["too many steps", "32 MiB"]
            .iter()
            .any(|why| message.contains(why));
        assert!(refused, "{template}: {message}");
    }
}

#[test]
fn deep_code_and_values_do_no_harm() {
    check(&[("<% a = []; 200_000.times { a = [a] } %>x", "x")]);
    check(&[(
        "<% f = nil; 50_000.times { g = f; f = ->() { g } } %>x",
        "x",
    )]);
    check(&[("<% a = []; a << a %><%= a.inspect.size > 0 %>", "true")]);
    let nested = |open: &str, close: &str| {
        text(&format!(
            "<%= {}1{} %>",
            open.repeat(3000),
            close.repeat(3000)
        ))
    };
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("->{", "}"),
        ("\"#{", "}\""),
        ("if ", ""),
        ("- ", ""),
    ] {
        assert!(nested(open, close).contains("nested this deeply"), "{open}");
    }
    for links in ["+1", ".abs", "[0]", "&&1", " and 1", " if 1", "::A", "**1"] {
        for count in [300, 3_000, 100_000] {
            let long = text(&format!("<% 1{} %>", links.repeat(count)));
            assert!(long.contains("nested this deeply"), "{links}: {long}");
        }
    }
    check(&[
        (format!("<%= 1{} %>", "+1".repeat(100)).as_str(), "101"),
        (
            format!("<%= [{}].size %>", "1.abs, ".repeat(2_000)).as_str(),
            "2000",
        ),
        (
            format!("<% if true %>{}<% end %>", "<%= 1.abs %>".repeat(2_000)).as_str(),
            &"1".repeat(2_000),
        ),
    ]);
    let deep = text("<% f = ->(n) { n == 0 ? 0 : f.call(n - 1) } %><%= f.call(10_000) %>");
    assert_eq!(
        deep,
        "this template needs Ruby for blocks that call each other this deeply"
    );
    check(&[(
        "<% f = ->(n) { n == 0 ? 0 : f.call(n - 1) } %><%= f.call(30) %>",
        "0",
    )]);
}

#[cfg(unix)]
mod ruby {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::super::super::{Environment, render};
    use super::super::environment;

    /// Renders with a `ruby` that is this shell script.
    fn with_ruby(script: &str, template: &str) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("ruby");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = || {
            let mut environment = environment();
            environment.directory = directory.path().into();
            let path = format!("{}:/usr/bin:/bin", directory.path().display());
            environment.variables.retain(|(name, _)| name != "PATH");
            environment.variables.push(("PATH".into(), path));
            environment
        };
        match render(template, Path::new("/project/kitchen.yml"), environment) {
            Ok(rendered) => (rendered.text, rendered.printed),
            Err(error) => (error.message, template[error.place].into()),
        }
    }

    #[test]
    fn gets_what_is_beyond() {
        let script = "cat | grep -q '<%= `x` %>' && echo rendered 620a && echo hi >&2";
        assert_eq!(
            with_ruby(script, "a\n<%= `x` %>"),
            ("b\n".into(), "hi\n".into())
        );
    }

    #[test]
    fn is_not_asked_about_what_is_known() {
        assert_eq!(
            with_ruby("exit 1", "<%= ENV['A'] %>"),
            ("aa".into(), String::new())
        );
    }

    #[test]
    fn may_raise_or_fail() {
        let raised = with_ruby(
            "cat >/dev/null; echo raised 2 4e616d65 6e6f",
            "a\n<%= `x` %>\nb",
        );
        assert_eq!(
            raised,
            ("this template raised Name: no".into(), "<%= `x` %>".into())
        );
        let (message, tag) = with_ruby("cat >/dev/null; echo broken >&2; exit 3", "a <%= `x` %>");
        assert!(
            message.contains("ruby did not render it") && message.contains("broken"),
            "{message}"
        );
        assert_eq!(tag, "<%= `x` %>");
    }

    #[test]
    fn confirms_what_is_wrong() {
        let script = "cat >/dev/null; echo raised 1 53796e7461784572726f72 6e6f";
        let told = with_ruby(script, "x\n<% end %>");
        assert_eq!(
            told,
            (
                "this template cannot be read: unexpected `end`".into(),
                "<% end %>".into()
            )
        );
    }

    #[test]
    fn renders_in_earnest_where_it_is_installed() {
        let Some(ruby) = super::super::super::ruby::find(&Environment::current()) else {
            eprintln!("skipped: requires ruby");
            return;
        };
        let script = format!("exec {} \"$@\"", ruby.display());
        let template = "<% require 'kitchen-sync' %><% def f(x) = x + 1 %>a: <%= f(1) %> <%= ENV['A'] %>\r\n<% puts 'hi' %>é";
        assert_eq!(
            with_ruby(&script, template),
            ("a: 2 aa\r\né".into(), "hi\n".into())
        );
        let directory = tempfile::tempdir().unwrap();
        let lines =
            "<% def g(x) = x\n%>a:\n<% 2.times do |i| %>\n- <%= g(\"x\\ny\") %>\n<% end %>\nb:\n";
        let environment = || Environment {
            directory: directory.path().into(),
            ..Environment::current()
        };
        let rendered = render(lines, Path::new("/project/kitchen.yml"), environment).unwrap();
        assert_eq!(rendered.text, "a:\n\n- x\ny\n\n- x\ny\n\nb:\n");
        assert_eq!(rendered.lines, [2, 3, 4, 4, 3, 4, 4, 5, 6]);
        let raised = with_ruby(&script, "<% def f; raise 'no'; end %>\n<%= f %>");
        assert_eq!(raised.0, "this template raised RuntimeError: no");
    }
}
