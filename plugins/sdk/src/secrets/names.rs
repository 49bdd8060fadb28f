//! Which names are names of secrets.

/// Words, or ends of words, that name a secret wherever they stand; each also with an `s`.
const CERTAIN: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "credential",
    "jwt",
];
/// What stands before `key` where the key itself is written and not the place of one.
const KEYS: [&str; 9] = [
    "access",
    "account",
    "api",
    "application",
    "auth",
    "encryption",
    "license",
    "secret",
    "shared",
];
/// What stands before `key` where it is for all to see, or no key of a lock.
const OPEN_KEYS: [&str; 10] = [
    "cache",
    "foreign",
    "host",
    "hostkey",
    "partition",
    "primary",
    "pub",
    "public",
    "routing",
    "sort",
];
/// Last words of names whose values point to something.
const POINTERS: [&str; 14] = [
    "arn",
    "dir",
    "directory",
    "file",
    "files",
    "id",
    "ids",
    "location",
    "name",
    "names",
    "path",
    "paths",
    "url",
    "uri",
];
/// Last words of names whose values say something about a secret.
const ABOUT: [&str; 29] = [
    "age",
    "algorithm",
    "authentication",
    "backend",
    "bits",
    "count",
    "days",
    "enabled",
    "expiry",
    "field",
    "format",
    "header",
    "hours",
    "length",
    "manager",
    "minutes",
    "mode",
    "parameter",
    "policy",
    "prefix",
    "prompt",
    "provider",
    "required",
    "seconds",
    "size",
    "timeout",
    "ttl",
    "type",
    "version",
];
/// Words that end like an abbreviation of `password` and mean something else.
const NO_PASSWORDS: [&str; 7] = [
    "askpass",
    "bypass",
    "compass",
    "oldpwd",
    "overpass",
    "trespass",
    "underpass",
];
/// Names of users and of what is beside a secret without being one.
const BESIDE: [&str; 12] = [
    "account", "database", "db", "enabled", "host", "hostname", "login", "port", "region", "type",
    "user", "username",
];
/// Values that say how, not what: they keep nobody out.
const MODES: [&str; 29] = [
    "accept",
    "accept-new",
    "agent",
    "always",
    "ask",
    "auto",
    "basic",
    "bearer",
    "certificate",
    "default",
    "digest",
    "disabled",
    "enabled",
    "false",
    "kerberos",
    "negotiate",
    "never",
    "nil",
    "none",
    "ntlm",
    "null",
    "off",
    "optional",
    "plaintext",
    "prompt",
    "required",
    "true",
    "vagrant",
    "yes",
];

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is a secret, whatever it looks like.
    Secret,
    /// It is one, unless it is the place of one.
    UnlessPlace,
    /// It is one, unless it is a path or an address with a scheme.
    UnlessPath,
    /// Nothing.
    Nothing,
}

/// The words of a name: `dbPassword` and `DB-PASSWORD` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_ascii_alphanumeric()
            || (before.is_ascii_lowercase() && character.is_ascii_uppercase())
        {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_certain(word: &str) -> bool {
    let ends = |word: &str| CERTAIN.iter().any(|secret| word.ends_with(secret));
    ends(word) || word.strip_suffix('s').is_some_and(ends) || matches!(word, "cred" | "creds")
}

/// What `name` says of a text below it.
pub(super) fn says(name: &str) -> Says {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else {
        return Says::Nothing;
    };
    if POINTERS.contains(last) || ABOUT.contains(last) {
        return Says::Nothing;
    }
    if words.iter().any(|word| is_certain(word)) {
        // A list of files with credentials is written under the same name as the credentials.
        let files = last.starts_with("cred");
        return if files {
            Says::UnlessPath
        } else {
            Says::Secret
        };
    }
    let short = last.ends_with("pass") || last.ends_with("pwd");
    if short && !NO_PASSWORDS.contains(last) && (*last != "pwd" || !before.is_empty()) {
        return Says::UnlessPath;
    }
    match (before, *last) {
        (_, "auth") => Says::UnlessPath,
        ([_, ..], "pat" | "pw") => Says::UnlessPath,
        ([.., kind], "key") if KEYS.contains(kind) => Says::Secret,
        ([.., kind], "key") if OPEN_KEYS.contains(kind) => Says::Nothing,
        _ if words.contains(&"key") => Says::UnlessPlace,
        _ => Says::Nothing,
    }
}

/// Whether a number below `name` is a secret: one may have so many tokens, and no key is a number.
pub(super) fn has_numbers(name: &str) -> bool {
    let is_one = |last: &String| last.ends_with("pass") || !last.ends_with('s');
    matches!(says(name), Says::Secret | Says::UnlessPath) && words(name).last().is_some_and(is_one)
}

/// Whether all that is below `name`, at any depth, is secret: `secrets`, `passwords`, `credentials`,
/// and any other name of a secret that has a list or a map below it.
pub(super) fn is_room(name: &str) -> bool {
    // `credentials-service` is the name of something else.
    let names_it =
        |last: &String| is_certain(last) || (last == "key" && says(name) == Says::Secret);
    words(name).last().is_some_and(names_it)
}

/// Whether `name` in a room of credentials names what is beside the secret: the user, the host.
pub(super) fn is_beside(name: &str, room: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else {
        return false;
    };
    match self::words(room).last() {
        Some(room) if room.starts_with("cred") => {
            BESIDE.contains(&last) || POINTERS.contains(&last)
        }
        _ => matches!(last, "user" | "username"),
    }
}

/// Whether the value keeps nobody out: the password of every Vagrant box, a mode, its own name.
pub(super) fn is_known(name: &str, value: &str) -> bool {
    MODES.iter().any(|mode| value.eq_ignore_ascii_case(mode)) || value.eq_ignore_ascii_case(name)
}

/// Whether the text is a path or an address with a scheme.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with(['/', '~', '\\'])
        || text.starts_with("./")
        || text.starts_with("../")
        || text.contains("://")
        || text.get(1..3) == Some(":\\")
}

/// Whether the text is the place of a key: a path, an address, a file's name.
pub(super) fn is_place(text: &str) -> bool {
    let ends = [".pem", ".key", ".pub", ".gpg", ".asc"];
    is_path(text)
        || text.starts_with('.')
        || text.contains('@')
        || ends.iter().any(|end| text.ends_with(end))
}

/// Whether the text only refers to a secret: a variable of a shell, an expression.
pub(super) fn is_reference(text: &str) -> bool {
    let text = text.trim();
    let variable = text.strip_prefix('$').is_some_and(|name| {
        let name = name
            .strip_prefix('{')
            .map_or(name, |it| it.trim_end_matches('}'));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(is_name)
    });
    variable
        || (text.starts_with("{{") && text.ends_with("}}"))
        || (text.starts_with("<%") && text.ends_with("%>"))
        || (text.starts_with("$(") && text.ends_with(')'))
}

/// Whether the text has a private key in it.
pub(super) fn is_private_key(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")
}

/// A line around a key, which is the same for all keys.
pub(super) fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("-----")
}
