//! A tool's name of a test without what is another one in the next run: addresses of machines,
//! ids, moments.

use std::net::IpAddr;

/// Letters of an id that no person writes.
const ID: usize = 12;

/// The name with `ADDRESS`, `ID` and `TIME` in place of what does not last. Addresses that mean
/// the machine itself (`127.0.0.1`, `::`) are the same in every run, and stay.
pub(super) fn lasting(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(parts).unwrap_or(rest.len());
        let (word, next) = rest.split_at(end);
        add(word, &mut kept);
        let mut characters = next.chars();
        kept.extend(characters.next());
        rest = characters.as_str();
    }
    kept
}

/// Whether a character parts words: no address, id or moment has it.
fn parts(character: char) -> bool {
    character.is_whitespace() || "/[](){}<>\"'`,;=@|#?&".contains(character)
}

fn add(word: &str, kept: &mut String) {
    let bare = word.trim_end_matches(['.', ':', '!']);
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if host.contains('.') && is_number(port) => (host, &bare[host.len()..]),
        _ => (bare, ""),
    };
    let replaced = match () {
        () if is_address(host) => Some("ADDRESS"),
        () if is_moment(bare) => Some("TIME"),
        () if is_uuid(bare) => Some("ID"),
        () => None,
    };
    match replaced {
        Some("ADDRESS") => kept.extend(["ADDRESS", port]),
        Some(replaced) => kept.push_str(replaced),
        None => {
            for piece in bare.split_inclusive(['-', '_', '.', ':']) {
                let core = piece.trim_end_matches(['-', '_', '.', ':']);
                match is_id(core) {
                    true => kept.extend(["ID", &piece[core.len()..]]),
                    false => kept.push_str(piece),
                }
            }
        }
    }
    kept.push_str(&word[bare.len()..]);
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    let address = text.split('%').next().unwrap_or_default();
    let parsed = address.parse::<IpAddr>();
    parsed.is_ok_and(|it| !it.is_loopback() && !it.is_unspecified())
}

fn is_id(text: &str) -> bool {
    let hexadecimal = text.bytes().all(|it| it.is_ascii_hexdigit());
    text.len() >= ID && hexadecimal && text.bytes().any(|it| it.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hexadecimal = |it: &&str| it.bytes().all(|it| it.is_ascii_hexdigit());
    groups.iter().map(|it| it.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hexadecimal)
}

/// `2026-01-31`, `22:13:20.5`, `2026-01-31T22:13:20Z`.
fn is_moment(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|it| if it.is_ascii_digit() { '0' } else { it })
        .collect();
    let date = shape
        .strip_prefix("0000-00-00")
        .map(|it| it.trim_start_matches('T'));
    let Some(time) = date.unwrap_or(&shape).strip_prefix("00:00:00") else {
        return date == Some("");
    };
    let time = time
        .strip_prefix('.')
        .map_or(time, |it| it.trim_start_matches('0'));
    matches!(time, "" | "Z" | "+00:00" | "-00:00" | "+0000" | "-0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_another_one_in_the_next_run_is_no_part_of_a_name() {
        for (name, lasts) in [
            (
                "GET http://172.17.0.3:8080/health is 200",
                "GET http://ADDRESS:8080/health is 200",
            ),
            (
                "test_x[ssh://root@10.0.0.7:22]",
                "test_x[ssh://root@ADDRESS:22]",
            ),
            ("pings fd00::17.", "pings ADDRESS."),
            ("container 3f2a9c11aa22bb33 runs", "container ID runs"),
            ("host web1-0c5f00112233.local", "host web1-ID.local"),
            ("volume 123e4567-e89b-12d3-a456-426614174000", "volume ID"),
            ("at 2026-01-31T22:13:20.5Z", "at TIME"),
            ("at 2026-01-31 22:13:20", "at TIME TIME"),
        ] {
            assert_eq!(lasting(name), lasts);
        }
    }

    #[test]
    fn what_a_person_wrote_stays() {
        for name in [
            "listens on 127.0.0.1:80 and [::1]",
            "std::add is at ::",
            "nginx 1.18.0-6 is installed; port 8080, user 1000",
            "a::b::deadbeef, Foo::Bar, 12:30",
            "ünïcode 東 \u{202e} \t x",
            "",
        ] {
            assert_eq!(lasting(name), name);
        }
    }
}
