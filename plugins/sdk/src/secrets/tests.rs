//! What is masked, and what is not.

use super::*;

#[test]
fn names_of_secrets() {
    for name in [
        "password",
        "DB_PASSWORD",
        "api-token",
        "ssh_key",
        "client_secret",
        "dbpassword",
        "aws_secret_access_key",
        "sumo_access_key",
        "APIKEY",
        "key",
    ] {
        assert!(Secrets::is_secret(name, "x7fd2/a+9"), "{name}");
    }
    for name in [
        "monkey",
        "keyboard",
        "user",
        "tokens_path",
        "image",
        "aws_ssh_key_id",
        "encrypted_data_bag_secret_key_path",
        "key_url",
        "key_name",
    ] {
        assert!(!Secrets::is_secret(name, "x7fd2/a+9"), "{name}");
    }
}

#[test]
fn places_of_keys_are_no_secrets() {
    for (name, value) in [
        ("ssh_key", "~/.ssh/id_ed25519"),
        ("ssh_key", "./keys/id"),
        ("tls_key", "C:\\keys\\tls"),
        ("ssl_key", "server.pem"),
        ("salt_apt_repo_key", "https://example.com/key.pub"),
        ("gpg_key", "cook@example.com"),
    ] {
        assert!(!Secrets::is_secret(name, value), "{name}: {value}");
    }
    assert!(Secrets::is_secret("api_key", "/x"));
    assert!(Secrets::is_secret("password", "/x"));
}

#[test]
fn private_keys_are_masked_line_by_line_under_any_name() {
    let text =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n";
    let mut found = Vec::new();
    let tree = serde_json::json!({"list": [{"content": text}], "user": "b3BlbnNzaC1r!"});
    Secrets::collect(&tree, &mut found);
    let secrets = Secrets::new(found);
    assert_eq!(secrets.mask("got b3BlbnNzaC1r"), "got ******");
    assert_eq!(secrets.mask(text), "******");
}

#[test]
fn passwords_that_everybody_knows_are_not_masked() {
    let mut found = Vec::new();
    let tree = serde_json::json!({
        "driver": {"username": "admin", "password": "admin"},
        "transport": {"password": "vagrant"},
        "verifier": {"username": "admin", "password": "x7fd2"},
    });
    Secrets::collect(&tree, &mut found);
    assert_eq!(found, ["x7fd2"]);
}

#[test]
fn variables_in_lists_are_masked() {
    let mut found = Vec::new();
    let env = [
        "DB_PASSWORD=hunter2",
        "STAGE=test",
        "API_TOKEN='abcdef'",
        "--key=x y z",
    ];
    Secrets::collect(&serde_json::json!({"env": env}), &mut found);
    assert_eq!(found, ["abcdef", "hunter2"]);
}

#[test]
fn a_secret_that_contains_another_is_masked_whole() {
    let secrets = Secrets::new(["hunter2".into(), "hunter2extra".into(), "ab".into()]);
    assert_eq!(secrets.mask("hunter2extra hunter2 ab"), "****** ****** ab");
}

fn gathered(tree: &Value) -> Vec<String> {
    let mut gather = Gather::default();
    gather.tree(tree);
    gather.into_values()
}

#[test]
fn short_names_of_secrets() {
    for name in [
        "DB_PASS",
        "MYSQL_PWD",
        "REDIS_AUTH",
        "CREDENTIALS",
        "AWS_CREDENTIALS",
        "GH_PAT",
        "SSHPASS",
        "ADMIN_PW",
        "dbPassword",
        "secretKey",
        "app_secrets",
        "JWT",
    ] {
        assert!(Secrets::is_secret(name, "x7fd2a9"), "{name}");
    }
    for (name, value) in [
        ("PWD", "/work/project"),
        ("OLDPWD", "/work"),
        ("SSH_ASKPASS", "/usr/bin/ssh-askpass"),
        ("bypass", "everything"),
        ("http_auth", "basic"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/u/key.json"),
        ("token_ttl", "one hour"),
        ("password_policy", "strict"),
        ("verify_host_key", "never"),
        ("host_key", "ssh-ed25519 AAAA"),
        ("public_key", "ssh-ed25519 AAAA"),
        ("key_type", "ed25519"),
        ("DB_PASS", "$DB_PASS"),
        ("password", "{{ vault.password }}"),
        ("SSH_AUTH_SOCK", "/tmp/agent"),
    ] {
        assert!(!Secrets::is_secret(name, value), "{name}: {value}");
    }
}

#[test]
fn numbers_and_everything_below_names_of_secrets() {
    let tree = serde_json::json!({
        "password": 471_147,
        "secrets": {"db": {"main": "main-secret", "list": ["one-of-two", 815_815]}},
        "passwords": ["first-pass", {"x": {"y": "deep-pass"}}],
        "credentials": {"username": "somebody", "host": "db.example", "code": "cred-code"},
        "max_tokens": 4096,
        "token_ttl": 3600,
        "port": 8080,
    });
    let expected = [
        "471147",
        "815815",
        "cred-code",
        "deep-pass",
        "first-pass",
        "main-secret",
        "one-of-two",
    ];
    assert_eq!(gathered(&tree), expected);
}

#[test]
fn passwords_in_addresses_command_lines_and_lists_of_variables() {
    let tree = serde_json::json!({
        "url": "postgres://app:p%40ss-word@db:5432/x",
        "odd": "amqp://u:sl/ash@host",
        "same": "http://admin:admin@host/",
        "port": "http://host:8080/a@b",
        "git": "https://ghp_0123456789abcdef@github.com/x",
        "run": "DB_PASS='quoted one' ./seed --password flagged --token=tokened --user me",
        "variables": [{"name": "API_TOKEN", "value": "listed"}, {"name": "STAGE", "value": "test"}],
        "tags": [{"key": "Name", "value": "web"}],
    });
    let expected = [
        "flagged",
        "ghp_0123456789abcdef",
        "listed",
        "p%40ss-word",
        "p@ss-word",
        "quoted one",
        "sl/ash",
        "tokened",
    ];
    assert_eq!(gathered(&tree), expected);
}

#[test]
fn a_short_value_is_masked_as_a_word_and_where_it_is_declared() {
    let mut gather = Gather::declaring(["PIN".into()]);
    gather
        .tree(&serde_json::json!({"PIN": "7q", "password": "test", "token": 4711, "secret": "x"}));
    gather.variable("SHORT_TOKEN", "worded");
    gather.variable("TINY_TOKEN", "abc");
    let secrets = Secrets::of(gather);
    assert_eq!(
        secrets.mask("test latest 4711 147110 pin4711 7q 7qq x worded rewordeds abc"),
        "****** latest ****** 147110 pin****** ****** 7qq x ****** rewordeds abc"
    );
}

#[test]
fn what_is_learned_is_masked_by_all_clones() {
    let secrets = Secrets::default();
    let clone = secrets.clone();
    let mut gather = Gather::default();
    gather.value("noted-by-a-driver");
    secrets.learn(gather);
    assert_eq!(clone.mask("it is noted-by-a-driver"), "it is ******");
    assert!(!format!("{clone:?}").contains("noted"));
}

#[test]
fn colours_within_a_value_stay_behind_it() {
    let secrets = Secrets::new(["hunter2extra".into()]);
    assert_eq!(
        secrets.mask("a \u{1b}[1mhunter\u{1b}[31m2ext\u{1b}[0mra b"),
        "a \u{1b}[1m******\u{1b}[31m\u{1b}[0m b"
    );
    assert_eq!(
        secrets.mask("\u{1b}]0;hunter2extra\u{7}x"),
        "\u{1b}]0;******\u{7}x"
    );
    let short = Secrets::new(["test".into()]);
    assert_eq!(short.mask("10%\rtest\r"), "10%\r******\r");
}

#[test]
fn json_is_masked_in_its_texts_and_numbers() {
    let mut gather = Gather::default();
    gather.tree(&serde_json::json!({"token": 471_147, "password": "pass-word"}));
    let mut value = serde_json::json!({"a": ["is pass-word"], "b": 471_147, "c": 8});
    Secrets::of(gather).mask_value(&mut value);
    assert_eq!(
        value,
        serde_json::json!({"a": ["is ******"], "b": "******", "c": 8})
    );
}

#[test]
fn lines_of_a_broken_file() {
    let mut gather = Gather::declaring(["pin".into()]);
    gather.lines(
        "driver:\n  password: 'half-written\n  - API_TOKEN=tok-en\n  name: web\n{pin: 1234}",
    );
    assert_eq!(gather.into_values(), ["1234", "half-written", "tok-en"]);
}

mod any {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::process::LineSplitter;
    use crate::{Line, Stream};

    /// One of the forms that programs print.
    fn encoded(value: &str, how: usize) -> String {
        let percent = |value: &str| -> String {
            value
                .bytes()
                .map(|byte| match byte.is_ascii_alphanumeric() {
                    true => char::from(byte).to_string(),
                    false => format!("%{byte:02x}"),
                })
                .collect()
        };
        let json = |value: &str| {
            let text = serde_json::to_string(value).unwrap();
            text[1..text.len() - 1].to_owned()
        };
        match how {
            0 => value.into(),
            1 => STANDARD.encode(value),
            2 => STANDARD.encode(format!("user:{value}")),
            3 => STANDARD.encode(format!("x{value}yz")),
            4 => percent(value)
                .replace("%5f", "_")
                .replace("%2d", "-")
                .replace("%2e", ".")
                .replace("%7e", "~"),
            5 => json(value),
            6 => json(&json(value)),
            7 => {
                let text = value
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;");
                text.replace('"', "&quot;").replace('\'', "&#39;")
            }
            8 => format!("'{}'", value.replace('\'', "'\\''")),
            _ => shell_words::quote(value).into_owned(),
        }
    }

    /// With something that no terminal shows before every `step`th character.
    fn coloured(text: &str, step: usize, colour: &str) -> String {
        let mut result = String::new();
        for (index, character) in text.chars().enumerate() {
            if index % step == step - 1 {
                result.push_str(colour);
            }
            result.push(character);
        }
        result
    }

    /// What a terminal shows of it.
    fn shown(text: &str) -> String {
        let pieces = crate::escapes::pieces(text);
        pieces
            .filter_map(|(_, piece)| match piece {
                crate::escapes::Piece::Shown(character) => Some(character),
                _ => None,
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_secret_comes_through(
            value in "[!-~é]{6,24}",
            how in 0_usize..10,
            before in prop_oneof![Just(0_usize), 0_usize..40, 65_500_usize..65_540],
            step in prop_oneof![Just(usize::MAX), 1_usize..6],
            colour in prop_oneof![Just("\u{1b}[31m"), Just("\u{1b}[0m"), Just("\u{8}"), Just("\u{200b}")],
            chunk in 1_usize..5000,
        ) {
            let known = super::super::gather::is_secret("password", &value);
            prop_assume!(known && !value.contains("***"));
            let secrets = Secrets::new([value.clone()]);
            let form = encoded(&value, how);
            let text = format!("{} {} end", "-".repeat(before), coloured(&form, step, colour));
            let mut splitter = LineSplitter::default();
            let mut pieces: Vec<String> = Vec::new();
            for chunk in text.as_bytes().chunks(chunk) {
                pieces.extend(splitter.push(chunk));
            }
            pieces.extend(splitter.finish());
            let mut seams = Seams::default();
            let stream = Stream::Out;
            let lines = pieces.into_iter().map(|text| seams.line(&secrets, Line { stream, text }));
            let mut lines: Vec<Line> = lines.collect();
            lines.extend(seams.rest());
            let masked: String = lines.iter().map(|line| secrets.mask(&line.text).into_owned()).collect();
            let seen = shown(&masked);
            prop_assert!(!seen.contains(&value), "{value:?} in {seen:?}");
            prop_assert!(seen.contains("******"), "{form:?} in {seen:?}");
            let form = form.trim_matches('\'');
            prop_assert!(form.len() < 6 || !seen.contains(form), "{form:?} in {seen:?}");
            prop_assert!(seen.starts_with(&"-".repeat(before)) && seen.ends_with(" end"));
        }
    }
}

#[test]
fn the_password_of_a_user_of_that_name_is_none_in_a_broken_file_either() {
    let mut gather = Gather::default();
    gather.lines("transport:\n  password: kitchen\n  username: kitchen\n  sudo_password: 8fj2mq\n");
    assert_eq!(gather.into_values(), ["8fj2mq"]);
}
