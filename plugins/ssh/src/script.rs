//! What is sent to the machine's shell, and how its answer is told from the command's output.
//!
//! The script prints a mark with its process id before the command, so that a command can be
//! ended though sshd takes no signals from root, and a mark on both streams after it, so that a
//! process left behind, which keeps the streams open, holds nobody up.

use banquet_sdk::Exec;

/// A shell line for the server, with the mark in its answer.
pub(crate) struct Script {
    pub line: String,
    pub mark: Mark,
    /// What the script reads before the command does.
    pub input: String,
}

/// Whom the server let in.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub user: &'a str,
    /// What `sudo` asks for.
    pub sudo_password: Option<&'a str>,
}

/// `sudo` without a terminal runs a program for the password, with its prompt as the argument
/// (sudo(8), SUDO_ASKPASS); so the prompt is the name of a variable and the program prints it.
/// The password itself is read from the input: arguments and files can be read by others.
const ASKPASS: &str = "IFS= read -r BANQUET_SUDO\n\
    export BANQUET_SUDO SUDO_PROMPT=BANQUET_SUDO DISPLAY=\"${DISPLAY:-:0}\"\n\
    export SUDO_ASKPASS=\"$(command -v printenv)\"\n";

/// Variables, too, are read from the input, up to the line END: one of them may be a secret.
const VARIABLES: &str = "banquet_all=\n\
    while IFS= read -r banquet_line && [ \"$banquet_line\" != END ]; do\n\
    banquet_all=\"$banquet_all$banquet_line\n\"\n\
    done\n\
    eval \"$banquet_all\"\n\
    unset banquet_all banquet_line\n";

/// Bytes that no command prints by chance.
#[derive(Clone, Debug)]
pub(crate) struct Mark(String);

impl Mark {
    fn new() -> Self {
        Self(format!("banquet-{:016x}", rand::random::<u64>()))
    }
}

impl Script {
    /// `exec` as the server's shell is to run it for a connection of `login`.
    pub fn new(exec: &Exec, login: &Login<'_>) -> Self {
        let mark = Mark::new();
        let Mark(token) = &mark;
        let password = login.sudo_password.filter(|_| login.user != "root");
        let askpass = password.map_or("", |_| ASKPASS);
        let begin = format!("printf '\\000{token}%s' $$\n{askpass}");
        let mut body = format!(
            "printf '\\000'\ntrap 'printf \"\\000{token}\\000\"; printf \"\\000{token}\\000\" >&2' 0\n"
        );
        let mut input = password.map_or(String::new(), |password| format!("{password}\n"));
        if !exec.environment.is_empty() {
            for (name, value) in &exec.environment {
                input.push_str(&format!("export {name}={}\n", quote(value)));
            }
            input.push_str(&format!("{token}\n"));
            body.push_str(&VARIABLES.replace("END", token));
        }
        body.push_str(&exec.command);
        let script = match exec.user.as_deref().filter(|user| *user != login.user) {
            None => format!("{begin}{body}"),
            Some(user) => {
                let user = quote(user);
                let body = quote(&format!("printf ' %s' $$\n{body}"));
                match (login.user, password) {
                    // A minimal machine has no sudo.
                    ("root", _) => format!("{begin}exec su -s /bin/sh {user} -c {body}"),
                    (_, Some(_)) => format!("{begin}exec sudo -H -u {user} -- sh -c {body}"),
                    (_, None) => format!("{begin}exec sudo -n -H -u {user} -- sh -c {body}"),
                }
            }
        };
        Self {
            line: format!("exec sh -c {}", quote(&script)),
            mark,
            input,
        }
    }
}

/// A shell word that stands for `text`, whatever is in it.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Ends the processes `ids` and their groups; some of them may be another user's.
pub(crate) fn kill(ids: &[u32], login: &Login<'_>) -> Script {
    let all: Vec<String> = ids.iter().map(|id| format!("-{id} {id}")).collect();
    let kill = format!("kill -9 {} 2>/dev/null", all.join(" "));
    let sudo = match login.sudo_password {
        Some(_) => "sudo",
        None => "sudo -n",
    };
    // The shell's own kill: not every machine has another.
    let root = quote(&kill);
    let command = format!("{kill}; [ \"$(id -u)\" = 0 ] || {sudo} sh -c {root}");
    Script::new(&Exec::new(command), login)
}

/// Finds the marks in one stream of a script's output and takes them out.
pub(crate) struct Filter {
    mark: Mark,
    state: State,
    held: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    After,
}

impl Filter {
    /// For standard output, which has the first mark.
    pub fn out(mark: Mark) -> Self {
        Self {
            mark,
            state: State::Before,
            held: Vec::new(),
        }
    }

    /// For standard error, which has the last mark only.
    pub fn err(mark: Mark) -> Self {
        Self {
            state: State::Within,
            ..Self::out(mark)
        }
    }

    /// Whether the command has written all it ever will.
    pub fn is_after(&self) -> bool {
        self.state == State::After
    }

    /// Takes a chunk; `ids` gets the process ids of the first mark. Gives what the command wrote.
    pub fn push<'a>(&mut self, chunk: &'a [u8], ids: &mut Vec<u32>) -> std::borrow::Cow<'a, [u8]> {
        if self.state == State::After {
            return Vec::new().into();
        }
        if self.state == State::Within && self.held.is_empty() && !chunk.contains(&0) {
            return chunk.into();
        }
        self.held.extend_from_slice(chunk);
        if self.state == State::Before && !self.begin(ids) {
            return Vec::new().into();
        }
        let end = format!("\0{}\0", self.mark.0);
        if let Some(at) = find(&self.held, end.as_bytes()) {
            self.state = State::After;
            self.held.truncate(at);
            return std::mem::take(&mut self.held).into();
        }
        let kept = partial(&self.held, end.as_bytes());
        let rest = self.held.split_off(self.held.len() - kept);
        std::mem::replace(&mut self.held, rest).into()
    }

    /// What is left where the last mark never came.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Takes the first mark off, and what the login shell printed before it.
    fn begin(&mut self, ids: &mut Vec<u32>) -> bool {
        let begin = format!("\0{}", self.mark.0);
        let Some(at) = find(&self.held, begin.as_bytes()) else {
            return false;
        };
        let from = at + begin.len();
        let Some(length) = self.held[from..].iter().position(|byte| *byte == 0) else {
            return false;
        };
        let text = String::from_utf8_lossy(&self.held[from..from + length]).into_owned();
        ids.extend(text.split(' ').filter_map(|id| id.parse::<u32>().ok()));
        self.held.drain(..=from + length);
        self.state = State::Within;
        true
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Length of the longest end of `bytes` with which `wanted` begins.
fn partial(bytes: &[u8], wanted: &[u8]) -> usize {
    (1..wanted.len().min(bytes.len() + 1))
        .rev()
        .find(|length| bytes.ends_with(&wanted[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn login<'a>(user: &'a str, sudo_password: Option<&'a str>) -> Login<'a> {
        Login {
            user,
            sudo_password,
        }
    }

    fn run(script: &Script) -> (String, String, i32) {
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(script.input.as_bytes()).unwrap();
        input.rewind().unwrap();
        let out = std::process::Command::new("sh")
            .args(["-c", &script.line])
            .stdin(input)
            .output()
            .unwrap();
        let text = |bytes: &[u8], mut filter: Filter| {
            let mut text = Vec::new();
            // One byte at a time is the hardest way to cut.
            for byte in bytes {
                let mut ids = Vec::new();
                text.extend_from_slice(&filter.push(std::slice::from_ref(byte), &mut ids));
            }
            assert!(filter.is_after());
            String::from_utf8(text).unwrap()
        };
        (
            text(&out.stdout, Filter::out(script.mark.clone())),
            text(&out.stderr, Filter::err(script.mark.clone())),
            out.status.code().unwrap(),
        )
    }

    #[test]
    fn marks_are_taken_out() {
        let exec = Exec::new("printf 'a\\000b\\n\\000'; echo \"$V\" >&2; exit 7").env(
            &std::collections::BTreeMap::from([("V".to_owned(), "it's\n$HOME".to_owned())]),
        );
        let (out, err, code) = run(&Script::new(&exec, &login("root", None)));
        assert_eq!(
            (out.as_str(), err.as_str(), code),
            ("a\0b\n\0", "it's\n$HOME\n", 7)
        );
    }

    #[test]
    fn the_process_is_told_and_noise_before_it_is_not() {
        let script = Script::new(&Exec::new("true"), &login("root", None));
        let text = format!("noise\0{0}12 34\0output\0{0}\0late", script.mark.0);
        let mut filter = Filter::out(script.mark);
        let mut ids = Vec::new();
        assert_eq!(filter.push(text.as_bytes(), &mut ids).as_ref(), b"output");
        assert_eq!(ids, [12, 34]);
        assert!(filter.is_after());
    }

    #[test]
    fn output_without_marks_is_kept() {
        let script = Script::new(&Exec::new("true"), &login("root", None));
        let mut filter = Filter::out(script.mark);
        assert_eq!(filter.push(b"not a shell", &mut Vec::new()).as_ref(), b"");
        assert_eq!(filter.finish(), b"not a shell");
    }

    #[test]
    fn another_user_is_reached_by_su_from_root_and_sudo_from_others() {
        let mut exec = Exec::new("id");
        exec.user = Some("app".into());
        assert!(
            Script::new(&exec, &login("root", None))
                .line
                .contains("exec su -s /bin/sh")
        );
        assert!(
            Script::new(&exec, &login("me", None))
                .line
                .contains("exec sudo -n -H -u")
        );
        assert!(
            !Script::new(&exec, &login("app", None))
                .line
                .contains("sudo")
        );
    }

    #[test]
    fn a_password_of_sudo_is_in_the_input_only() {
        let mut exec = Exec::new("sudo id");
        let script = Script::new(&exec, &login("me", Some("sesame")));
        assert!(!script.line.contains("sesame") && script.line.contains("SUDO_ASKPASS"));
        assert_eq!(script.input, "sesame\n");
        exec.user = Some("app".into());
        let script = Script::new(&exec, &login("me", Some("sesame")));
        assert!(script.line.contains("exec sudo -H -u"));
        assert_eq!(Script::new(&exec, &login("root", Some("x"))).input, "");
    }

    #[cfg(unix)]
    #[test]
    fn sudo_gets_its_password_and_the_command_the_rest_of_the_input() {
        use std::io::Write;
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let sudo = directory.path().join("sudo");
        // Stands in for sudo without a terminal (sudo(8), -A).
        let text = "#!/bin/sh\necho \"$(\"$SUDO_ASKPASS\" \"$SUDO_PROMPT\")\"\nexec \"$@\"\n";
        std::fs::write(&sudo, text).unwrap();
        std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        let script = Script::new(&Exec::new("sudo cat"), &login("me", Some("se'sa me")));
        let mut shell = std::process::Command::new("sh")
            .args(["-c", &script.line])
            .env("PATH", path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(script.input.as_bytes()).unwrap();
        input.write_all(b"the rest").unwrap();
        drop(input);
        let out = shell.wait_with_output().unwrap();
        let mut filter = Filter::out(script.mark);
        let text = filter.push(&out.stdout, &mut Vec::new()).into_owned();
        assert_eq!(String::from_utf8(text).unwrap(), "se'sa me\nthe rest");
    }
}
