use proptest::prelude::*;

use super::split::{Piece, split};
use super::*;

fn names() -> Names {
    Names {
        members: vec!["a".to_owned(), "db".into()].into(),
        roles: vec!["web".to_owned()].into(),
        in_cluster: true,
        of_member: true,
        rolling: false,
    }
}

#[test]
fn braces_of_other_tools_are_passed_on() {
    for text in [
        "{{ ansible_facts['distribution'] }}",
        "{{.State.Status}}",
        "{{ platform }} {{instance}} {{ cluster }} {{peers}}",
        "{{ peers | length }} {{ peers['a'] }}",
        "{{ instance.id }} {{ platform.system }} {{ member.id }} {{ member }}",
        "{{#if other}}{{x}}{{/if}} {{else}} {{/each}}",
        "{{ grains['os'] }} {% if x %}{{ y }}{% endif %}",
        "\\{{ other }} {{ never ends",
        "{{{{raw}}}} {{{ 'a': 1 }}}",
        "${{ github.sha }}",
        "{{",
    ] {
        assert_eq!(read(text, &names()), Ok(None), "{text}");
    }
}

#[test]
fn ours_are_told_from_others_in_one_text() {
    let text = "a {{ x }} {{peers.a.address}} {{#if peers.db}}{{ y }}{{/if}}";
    let pieces = split(text, &names()).expect("all of it is closed");
    let tags: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Tag(tag) => Some(tag.source),
            Piece::Text(_) => None,
        })
        .collect();
    assert_eq!(
        tags,
        [
            "{{peers.a.address}}",
            "{{#if peers.db}}",
            "{{ y }}",
            "{{/if}}"
        ]
    );
}

#[track_caller]
fn wrong(text: &str) -> Wrong {
    read(text, &names()).expect_err(text)
}

#[test]
fn what_names_nothing_is_told_with_the_nearest() {
    for (text, reason, help) in [
        (
            "{{peers.bb.address}}",
            "the cluster has no member `bb`",
            "The members are a, db.",
        ),
        (
            "x {{ peers.d.address }}",
            "the cluster has no member `d`",
            "Did you mean `a`?",
        ),
        (
            "{{peers.a.adress}}",
            "a member has no fact `adress`",
            "Did you mean `address`?",
        ),
        (
            "{{peers.a}}",
            "it names a member and no fact",
            "`{{peers.a.address}}`",
        ),
        (
            "{{peers.role.web}}",
            "it names a list of members",
            "#each peers.role.web",
        ),
        (
            "{{#each peers.role.wbe}}{{/each}}",
            "no member has the role `wbe`",
            "Did you mean `web`?",
        ),
        (
            "{{cluster.nam}}",
            "a cluster has no fact `nam`",
            "Did you mean `name`?",
        ),
        (
            "{{instance.hostnam}}",
            "a member has no fact `hostnam`",
            "`hostname`",
        ),
        (
            "{{#if peers.a}}{{peers.c.address}}{{else}}{{peers.bb.suite}}{{/if}}",
            "the cluster has no member `c`",
            "a, db",
        ),
        (
            "{{#if peers.a}}{{else}}{{peers.bb.suite}}{{/if}}",
            "the cluster has no member `bb`",
            "a, db",
        ),
        (
            "{{#each peers.role.web}}{{this.port}}{{/each}}",
            "a member has no fact `port`",
            "The facts are",
        ),
        (
            "{{#each peers.a}}{{this}}{{/each}}",
            "it goes through no list",
            "#with peers.SUITE",
        ),
        (
            "{{#each peers.role.web}}{{#iff @last}}{{/iff}}{{/each}}",
            "there is no block `iff`",
            "Did you mean `if`?",
        ),
        (
            "{{peers.a.suite | upper}}",
            "`|` cannot stand in it",
            "write `\\{{`",
        ),
        ("{{platform.name.x}}", "a text has no `x`", "Leave out"),
    ] {
        let wrong = wrong(text);
        assert!(wrong.reason.contains(reason), "{text}: {wrong}");
        assert!(wrong.help.contains(help), "{text}: {}", wrong.help);
        assert!(text.contains(&wrong.expression), "{text}: {wrong}");
    }
}

#[test]
fn outside_of_a_cluster_nothing_has_peers() {
    let alone = Names {
        of_member: true,
        ..Names::default()
    };
    assert_eq!(read("{{ other.x }}", &alone), Ok(None));
    assert!(matches!(read("{{instance.address}}", &alone), Ok(Some(_))));
    let wrong = read("{{peers.a.address}}", &alone).expect_err("no peers");
    assert_eq!(wrong.reason, "the instance belongs to no cluster");
    let workstation = Names {
        of_member: false,
        ..names()
    };
    assert!(read("{{instance.address}}", &workstation).is_err());
    assert!(matches!(
        read("{{platform.name}}", &workstation),
        Ok(Some(_))
    ));
}

#[test]
fn member_is_known_in_rolling_alone_and_refused_elsewhere_in_a_cluster() {
    for text in [
        "{{member.address}}",
        "{{ member.adress }}",
        "{{#if member.roles}}x{{/if}}",
    ] {
        assert_eq!(wrong(text).reason, "`member` is known in `rolling` alone");
    }
    let alone = Names {
        in_cluster: false,
        ..names()
    };
    assert_eq!(read("{{member.address}}", &alone), Ok(None));
    let rolling = Names {
        rolling: true,
        ..names()
    };
    assert!(matches!(read("{{member.address}}", &rolling), Ok(Some(_))));
}

#[test]
fn what_never_ends_or_is_too_deep_is_an_error() {
    let deep = "{{#if peers.a}}".repeat(100_000);
    let loops = "{{#each peers.role.web}}".to_owned()
        + &"{{#each peers.role.web}}".repeat(3)
        + &"{{/each}}".repeat(4);
    let parentheses = format!("{{{{#if {}peers.a}}}}{{{{/if}}}}", "(not ".repeat(10_000));
    for (text, reason) in [
        ("{{peers.a.address", "never ends"),
        ("{{peers.a.address } {{x}}", "cannot stand"),
        ("{{#each peers.role.web}}{{this.suite}}", "never ends"),
        ("{{#each peers.role.web}}{{/if}}", "ends the block `each`"),
        ("{{#if peers.a}}{{!-- {{/if}}", "never ends"),
        ("{{#if (eq peers.a.suite \"x}}{{/if}}", "never ends"),
        (deep.as_str(), "deep"),
        (loops.as_str(), "loops are nested"),
        (parentheses.as_str(), "too deep"),
    ] {
        let wrong = wrong(text);
        assert!(wrong.reason.contains(reason), "{}", wrong);
        assert!(wrong.expression.len() < 300, "{}", wrong);
    }
}

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{{peers.a.address}}".to_owned()),
        Just("{{#each peers.role.web}}".to_owned()),
        Just("{{/each}}".to_owned()),
        Just("{{#if peers.db}}".to_owned()),
        Just("{{else}}".to_owned()),
        Just("{{/if}}".to_owned()),
        Just("{{this.suite}}".to_owned()),
        Just("{{ item.x | y }}".to_owned()),
        Just("\\".to_owned()),
        Just("{{".to_owned()),
        Just("{".to_owned()),
        Just("}}".to_owned()),
        Just("peers.".to_owned()),
        Just("~".to_owned()),
        "[ -~é\u{e000}\n]{0,6}",
    ]
}

/// Whether a word of ours is in `text`.
fn may_be_ours(text: &str) -> bool {
    [
        "peers.",
        "cluster.",
        "instance.",
        "suite.",
        "platform.",
        "member.",
    ]
    .iter()
    .any(|word| text.contains(word))
}

proptest! {
    #[test]
    fn no_text_crashes_the_reader(parts in proptest::collection::vec(fragment(), 0..12)) {
        let text = parts.concat();
        if let Ok(Some(template)) = read(&text, &names()) {
            let parsed = handlebars::Template::compile(template.source());
            prop_assert!(parsed.is_ok(), "{text:?} as {:?}: {parsed:?}", template.source());
        }
    }

    #[test]
    fn a_text_without_our_words_is_passed_on(text in "([ -~\n]|\\{\\{|\\}\\}){0,40}") {
        prop_assume!(!may_be_ours(&text));
        prop_assert_eq!(read(&text, &names()), Ok(None));
    }

    #[test]
    fn pieces_are_the_whole_text(parts in proptest::collection::vec(fragment(), 0..12)) {
        let text = parts.concat().replace('\\', "");
        if let Ok(pieces) = split(&text, &names()) {
            let whole: String = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Tag(tag) => tag.source,
            }).collect();
            prop_assert_eq!(whole, text);
        }
    }
}

#[test]
fn members_are_named_outside_of_blocks() {
    let text = "{{peers.a.address}} {{#if peers.db}}{{peers.db.address}}{{/if}} {{ x }}";
    let found = peers(text, &names());
    assert_eq!(found, [("a".into(), "{{peers.a.address}}".into())]);
    let found = peers("{{peers.[db].address}} \\{{peers.a.address}}", &names());
    assert_eq!(found, [("db".into(), "{{peers.[db].address}}".into())]);
}
