use super::parse;

#[test]
fn what_is_wrong_is_told_apart_from_what_is_beyond() {
    for (source, message, beyond) in [
        ("if x; 1", "`if` without `end`", false),
        ("[1, 2", "`[` without `]`", false),
        ("foo(1", "`(` without `)`", false),
        ("'abc", "this text has no end", false),
        ("x.each do |y|; 1", "`do` without `end`", false),
        ("end", "unexpected `end`", false),
        ("1 +", "unexpected end of the template", false),
        ("`ls`", "a shell command in backticks", true),
        ("def x; end", "`def`", true),
        ("class X; end", "`class`", true),
    ] {
        let error = parse(source).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.beyond),
            (message, beyond),
            "{source}"
        );
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(parse(&deep).unwrap_err().beyond);
    assert!(parse(&"!".repeat(5_000)).unwrap_err().beyond);
    assert!(parse(&"[".repeat(5_000)).unwrap_err().beyond);
}
