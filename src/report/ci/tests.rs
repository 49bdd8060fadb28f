use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::report::story::{Story, cluster, place};
use crate::report::tally::Tally;
use crate::report::tests::told;
use crate::report::{self, Level, Style};
use crate::run::{Cause, Failure, Outcome};

fn report(server: Server, style: Style, colours: bool) -> report::Options {
    report::Options {
        style,
        level: Level::Debug,
        colours,
        concurrent: style == Style::Blocks,
        logs: None,
        log_bytes: u64::MAX,
        overwrite: true,
        runs: None,
        files: Vec::new(),
        columns: None,
        program: "kitchen".into(),
        ci: Options {
            server,
            ..Options::default()
        },
    }
}

fn tally(story: &Story) -> Tally {
    let mut tally = Tally::default();
    story.events.iter().for_each(|event| tally.event(event));
    tally
}

/// Whether any build server takes the line for a command, read as they do: without colours and
/// characters that are not seen, anywhere in the line but for `::`, which begins it.
fn obeyed(line: &str) -> bool {
    let plain = console::strip_ansi_codes(line);
    let seen: String = plain
        .chars()
        .filter(|it| {
            it.is_whitespace() || !(it.is_control() || "\u{ad}\u{200b}\u{feff}".contains(*it))
        })
        .collect();
    let anywhere = [
        "##[",
        "##vso[",
        "##teamcity[",
        "section_start:",
        "section_end:",
    ];
    seen.trim_start().starts_with("::") || anywhere.iter().any(|word| seen.contains(word))
}

/// GitHub's runner ends lines at carriage returns as well.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
}

/// Lines of which a machine makes commands: behind blanks, carriage returns, colours, bytes that
/// nobody sees, in the midst of others.
fn hostile() -> impl Strategy<Value = String> {
    let before = prop::collection::vec(
        prop::sample::select(vec![
            "",
            " ",
            "\t",
            "\r",
            "\u{1b}[31m",
            "\u{1b}[0K",
            "\u{a0}",
            "\u{2003}",
            "\u{200b}",
            "\u{ad}",
            "\u{feff}",
            "\u{7}",
            "text ",
            "#",
            ":",
            "\u{1b}]0;t\u{7}",
            "\n",
        ]),
        0..5,
    );
    let command = prop::sample::select(vec![
        "::error file=x::boo",
        "::set-output name=a::b",
        "::add-mask::e",
        "::stop-commands::x",
        ":\u{200b}:error::x",
        "##[error]boo",
        "#\u{ad}#[group]boo",
        "##vso[task.setvariable variable=a]b",
        "##teamcity[buildStatus status='SUCCESS']",
        "section_start:1700000000:x\r\u{1b}[0Kboo",
        "section_end:1700000000:x\r\u{1b}[0K",
        "plain :: text",
    ]);
    let part = (before, command).prop_map(|(before, command)| before.concat() + command);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

/// A run in which everything that a machine or a tool may say is `text`.
fn says(text: &str) -> Story {
    let failure = || Failure {
        cause: Cause::Verify,
        message: text.into(),
        hints: vec![text.into()],
        verdict: false,
    };
    let at = || place("web", "web", &[]);
    let mut story = Story::new(&["web"]);
    story
        .subject("web", "test", &["web"], &[])
        .starts(at(), "converge")
        .prints(at(), text)
        .add(crate::run::EventKind::Warned {
            place: at(),
            message: text.into(),
        })
        .add(crate::run::EventKind::TestFinished {
            place: at(),
            case: banquet_sdk::TestCase {
                name: text.into(),
                status: banquet_sdk::CaseStatus::Failed,
                duration: None,
                message: Some(text.into()),
            },
        })
        .ends(at(), "converge", Outcome::Failed(failure()))
        .finished("web", Outcome::Failed(failure()))
        .over();
    story
}

proptest! {
    #[test]
    fn no_line_of_a_machine_is_a_command(text in hostile(), colours: bool) {
        for style in [Style::Lines, Style::Blocks, Style::Quiet, Style::Json] {
            let (out, err, _) = told(&says(&text), &report(Server::Other, style, colours));
            for line in lines(&out).chain(lines(&err)) {
                prop_assert!(!obeyed(line), "{style:?} {line:?}");
            }
        }
    }

    #[test]
    fn a_guard_lets_no_command_pass_whatever_the_pieces(text in hostile(), cut in 1usize..9) {
        let mut out = Vec::new();
        {
            let mut guard = Guard::new(&mut out, Content::Text);
            for piece in text.as_bytes().chunks(cut) {
                guard.write_all(piece).expect("memory");
            }
        }
        let out = String::from_utf8(out).expect("text");
        for line in lines(&out) {
            prop_assert!(!obeyed(line), "{line:?}");
        }
    }

    #[test]
    fn json_keeps_its_values(text in hostile()) {
        let json = serde_json::json!({"text": text, "##[key": [text]});
        let mut out = Vec::new();
        writeln!(Guard::new(&mut out, Content::Json), "{json:#}").expect("memory");
        let read: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        prop_assert_eq!(read, json);
        for line in lines(std::str::from_utf8(&out).expect("text")) {
            prop_assert!(!obeyed(line), "{line:?}");
        }
    }
}

#[test]
fn what_is_no_command_stays_as_it_is() {
    for line in [
        "std::vector",
        "a ::b",
        "# [x]",
        "## heading",
        "10:20:30",
        "ü :: 東",
        "section_a",
    ] {
        assert_eq!(neutral(line), line);
    }
    for (line, shown) in [
        ("::error::x", ": :error::x"),
        (" \t::warning::x", " \t: :warning::x"),
        ("ok ##[error]x", "ok # #[error]x"),
        ("###[error]x", "## #[error]x"),
        ("##vso[a]##vso[b]", "# #vso[a]# #vso[b]"),
        ("section_start:1:x", "section_start :1:x"),
    ] {
        assert_eq!(neutral(line), shown);
    }
}

#[test]
fn commands_stay_where_no_server_reads_along() {
    let (out, ..) = told(
        &says("##[error]x"),
        &report(Server::None, Style::Lines, false),
    );
    assert!(out.contains("##[error]x"), "{out}");
}

#[test]
fn github_folds_actions_and_steps_and_is_told_what_failed_where() {
    let mut options = report(Server::Github, Style::Lines, false);
    options.level = Level::Info;
    let origin = |line| Origin {
        file: Arc::new(PathBuf::from("a,b/kitchen.yml")),
        line,
        column: 7,
    };
    options
        .ci
        .places
        .insert("web-centos-7", Vec::new(), origin(3));
    options
        .ci
        .places
        .insert("web-centos-7", vec![4], origin(12));
    let (out, err, _) = told(&cluster(), &options);
    insta::assert_snapshot!(format!("{out}--- standard error\n{err}"));
}

#[test]
fn gitlab_folds_in_sections() {
    let mut options = report(Server::Gitlab, Style::Lines, false);
    options.level = Level::Info;
    let (out, ..) = told(&cluster(), &options);
    let shown: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("section_"))
        .collect();
    insta::assert_snapshot!(
        shown
            .join("\n")
            .replace('\u{1b}', "ESC")
            .replace('\r', "CR")
    );
}

#[test]
fn sections_of_one_title_have_names_of_their_own() {
    let mut story = Story::new(&["a"]);
    story.subject("a", "test", &["a"], &[]);
    for _ in 0..2 {
        let at = || place("a", "a", &[]);
        story.does(at(), "destroy").does(at(), "create");
    }
    story.finished("a", Outcome::Passed).over();
    let mut options = report(Server::Gitlab, Style::Lines, false);
    options.level = Level::Info;
    let (out, ..) = told(&story, &options);
    let names = |mark: &str| -> Vec<String> {
        let lines = out.split(mark).skip(1);
        let name = |rest: &str| {
            rest.split(':')
                .nth(1)?
                .split('\r')
                .next()
                .map(str::to_owned)
        };
        lines.filter_map(name).collect()
    };
    let (opened, closed) = (names("section_start:"), names("section_end:"));
    assert_eq!(opened.len(), 4, "{out}");
    assert_eq!(opened, closed);
    let different: std::collections::HashSet<_> = opened.iter().collect();
    assert_eq!(different.len(), 4, "{opened:?}");
}

#[test]
fn in_blocks_what_passed_is_folded_and_what_failed_lies_open() {
    let mut story = Story::new(&["a", "b"]);
    for (name, outcome) in [
        ("a", Outcome::Passed),
        (
            "b",
            Outcome::Failed(crate::report::story::failure(Cause::Verify, "no")),
        ),
    ] {
        story
            .subject(name, "verify", &[name], &[])
            .starts(place(name, name, &[]), "verify")
            .prints(place(name, name, &[]), &format!("output of {name}"))
            .ends(place(name, name, &[]), "verify", outcome.clone())
            .finished(name, outcome);
    }
    story.over();
    let (out, ..) = told(&story, &report(Server::Github, Style::Blocks, false));
    let (folded, open) = out.split_once("::endgroup::").expect("a group");
    assert!(
        folded.contains("::group::a\n") && folded.contains("output of a"),
        "{out}"
    );
    assert!(
        open.contains("output of b") && !open.contains("::group::"),
        "{out}"
    );
}

#[test]
fn an_annotation_is_one_line_whatever_failed() {
    let mut options = report(Server::Github, Style::Lines, false).ci;
    let story = says("50%\nof: a, b\r\n::error::x");
    let lines = annotations(&tally(&story), &options);
    assert_eq!(
        lines,
        [
            "::error title=Converge failed on web::50%25%0Aof: a, b%0A::error::x%0A50%25%0Aof: a, b%0A::error::x"
        ]
    );
    options.server = Server::Gitlab;
    assert_eq!(annotations(&tally(&story), &options), Vec::<String>::new());
}

#[test]
fn the_summary_of_a_job_is_a_table_without_foreign_markup() {
    let text = summary::text(&tally(&cluster()), 100_000);
    insta::assert_snapshot!(text);
    let text = summary::text(&tally(&says("<script>|`*[x](y)\n| a | b |")), 100_000);
    let foreign = text
        .lines()
        .filter(|line| line.contains("Converge"))
        .collect::<String>();
    let foreign = foreign.replace("**", "").replace("<br>", "");
    assert!(
        !foreign.contains(['<', '|', '`', '*', '[', '(']),
        "{foreign}"
    );
    assert!(summary::text(&tally(&cluster()), 200).len() <= 200);
}

#[test]
fn servers_are_known_by_their_variables() {
    for (name, value, server) in [
        ("GITHUB_ACTIONS", "true", Server::Github),
        ("GITLAB_CI", "true", Server::Gitlab),
        ("TF_BUILD", "True", Server::Other),
        ("TEAMCITY_VERSION", "2026.1", Server::Other),
        ("CI", "true", Server::Other),
        ("CI", "false", Server::None),
        ("GITHUB_ACTIONS", "", Server::None),
    ] {
        let variable = |asked: &str| (asked == name).then(|| value.to_owned());
        assert_eq!(Server::of(variable), server, "{name}={value}");
    }
}
