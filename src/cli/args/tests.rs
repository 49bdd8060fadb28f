//! The command line as people type it.

use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    let words = line.split(' ').map(Into::into);
    Arguments::try_parse_from(crate::cli::thor::rewrite(words))
}

fn test(line: &str) -> Test {
    match parse(line).expect(line).command {
        Some(Command::Test(test)) => test,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clap_finds_no_contradiction() {
    Arguments::command().debug_assert();
}

#[test]
fn concurrency_in_all_forms() {
    for (line, expected) in [
        ("kitchen test", 1),
        ("kitchen test -c", ALL),
        ("kitchen test -c web", ALL),
        ("kitchen test -c 3 web", 3),
        ("kitchen test --concurrency=3", 3),
        ("kitchen test --concurrency 0", 1),
        ("kitchen test -p", ALL),
        ("kitchen test -p -c 2", 2),
    ] {
        assert_eq!(test(line).pace.at_once(), expected, "{line}");
    }
}

#[test]
fn test_takes_the_steps_and_the_policy() {
    let test = test("kitchen test web -d always --from 2 --until check --no-recreate -f");
    assert_eq!(test.names.names, ["web"]);
    assert_eq!(test.destroy, Destroy::Always);
    assert_eq!(test.part.from.as_deref(), Some("2"));
    assert_eq!(test.part.until.as_deref(), Some("check"));
    assert!(test.part.no_recreate);
    assert!(test.pace.fail_fast);
    assert!(parse("kitchen test --destroy=sometimes").is_err());
    assert!(parse("kitchen test --from 2 --resume").is_err());
}

#[test]
fn a_prefix_of_a_command_is_enough_where_it_is_the_only_one() {
    assert!(matches!(
        parse("kitchen conv").expect("converge").command,
        Some(Command::Converge(_))
    ));
    assert!(matches!(
        parse("kitchen status").expect("list").command,
        Some(Command::List(_))
    ));
    assert!(parse("kitchen ver").is_err());
}

#[test]
fn the_directory_may_stand_before_or_after() {
    for line in ["kitchen -C a list", "kitchen list -C a"] {
        assert_eq!(
            parse(line).expect(line).directory,
            Some("a".into()),
            "{line}"
        );
    }
}

#[test]
fn exec_keeps_its_own_c() {
    match parse("kitchen exec web -c uptime").expect("exec").command {
        Some(Command::Exec(exec)) => assert_eq!(exec.command, "uptime"),
        other => panic!("{other:?}"),
    }
    assert!(parse("kitchen exec web").is_err());
}

#[test]
fn switches_take_yes_and_no() {
    match parse("kitchen diagnose --no-instances --loader --no-color")
        .expect("diagnose")
        .command
    {
        Some(Command::Diagnose(diagnose)) => {
            assert_eq!(diagnose.instances, Some(false));
            assert!(diagnose.loader);
            assert_eq!(diagnose.common.color, Some(false));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_log_level_is_info_and_said() {
    let common = test("kitchen test -l chatty").common;
    let (level, warning) = common.level();
    assert_eq!(level, Level::Info);
    assert!(warning.expect("a warning").contains("chatty"));
    assert_eq!(test("kitchen test -l DEBUG").common.level().0, Level::Debug);
}

#[test]
fn help() {
    let mut command = Arguments::command().term_width(80);
    command.build();
    insta::assert_snapshot!("help", command.render_help().to_string());
    let test = command.find_subcommand_mut("test").expect("test");
    insta::assert_snapshot!("help-test", test.render_long_help().to_string());
}

#[test]
fn the_page_on_compatibility_names_every_command_and_option() {
    let page = include_str!("../../../docs/compatibility.md");
    let mut command = Arguments::command();
    command.build();
    for command in command.get_subcommands() {
        let name = command.get_name();
        assert!(page.contains(&format!("`{name}")), "{name}");
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        for option in options.filter(|option| *option != "help") {
            assert!(page.contains(&format!("--{option}")), "{name} --{option}");
        }
    }
}
