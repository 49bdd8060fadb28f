//! The user's shell in an instance, a terminal's shell, and commands of the workstation in a
//! group's network.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{WaitOptions, WaitStatus, getegid, geteuid, waitpid};
use rustix::thread::{
    Gid, ThreadNameSpaceType, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::sys::{self, Fork, Member};
use super::{Doing, Failure, Result, confine};
use crate::wire::{Process, Target};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Enters the instance as `user` and gives the command that starts a shell there, with a clean
/// environment, in the user's home. For a child whose parent joined the PID namespace.
pub fn command(member: &Member, own_users: bool, name: &str) -> Result<Command> {
    let kinds = ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION;
    member.enter(kinds)?;
    let user = User::find(name)?;
    confine::confine(own_users)?;
    user.become_it(own_users)?;
    let mut command = Command::new("/bin/sh");
    let home = if fs::metadata(&user.home).is_ok_and(|meta| meta.is_dir()) {
        user.home.as_str()
    } else {
        "/"
    };
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home)
        .env("USER", name)
        .env("LOGNAME", name)
        .env("SHELL", &user.shell)
        .env("LANG", "C.UTF-8")
        .current_dir(home);
    Ok(command)
}

/// A line of the instance's `/etc/passwd`.
struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
    shell: String,
}

impl User {
    fn find(name: &str) -> Result<Self> {
        let table = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if let Some(user) = Self::parse(&table, name) {
            return Ok(user);
        }
        if name == "root" {
            // A root directory of a few programs need not have users.
            return Ok(Self {
                name: name.into(),
                uid: 0,
                gid: 0,
                home: "/root".into(),
                shell: "/bin/sh".into(),
            });
        }
        Err(Failure::new(format!("the instance has no user {name:?}")))
    }

    fn parse(table: &str, name: &str) -> Option<Self> {
        let line = table
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let fields = line
            .into_iter()
            .find(|fields| fields[0] == name && fields.len() == 7)?;
        let shell = if fields[6].is_empty() {
            "/bin/sh"
        } else {
            fields[6]
        };
        Some(Self {
            name: name.into(),
            uid: fields[2].parse().ok()?,
            gid: fields[3].parse().ok()?,
            home: fields[5].into(),
            shell: shell.into(),
        })
    }

    /// Its groups by the instance's `/etc/group`.
    fn groups(&self) -> Vec<Gid> {
        let table = fs::read_to_string("/etc/group").unwrap_or_default();
        let mut groups = vec![Gid::from_raw(self.gid)];
        for line in table.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [_, _, gid, members] = fields[..]
                && members.split(',').any(|member| member == self.name)
                && let Ok(gid) = gid.parse()
            {
                groups.push(Gid::from_raw(gid));
            }
        }
        groups
    }

    fn become_it(&self, own_users: bool) -> Result<()> {
        if own_users {
            return match self.uid {
                0 => Ok(()),
                _ => Err(Failure::new(format!(
                    "user {:?} does not exist in a sandbox of an ordinary user, which has root only",
                    self.name
                ))),
            };
        }
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&self.groups()).doing("set the groups")?;
        set_thread_res_gid(gid, gid, gid).doing("set the group")?;
        set_thread_res_uid(uid, uid, uid).doing("set the user")
    }
}

/// The exit code, signals as 128 plus their number.
pub fn code(status: WaitStatus) -> i32 {
    let signalled = status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or(signalled).unwrap_or(1)
}

/// `enter <pid> <start> <own users> <user>`: a shell for the person at this terminal.
pub fn enter(arguments: &[OsString]) -> ExitCode {
    let entered = parse_target(arguments).and_then(|target| {
        let user = arguments
            .get(3)
            .and_then(|user| user.to_str())
            .unwrap_or("root");
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        sys::close_from(3).doing("close the kitchen's files")?;
        let member = Member::open(target)?;
        sys::join_target(target, ThreadNameSpaceType::PROCESS_ID)?;
        let term = std::env::var_os("TERM");
        match sys::fork().doing("fork")? {
            Fork::Child => {
                let mut shell = command(&member, target.own_users, user)?;
                if let Some(term) = term {
                    shell.env("TERM", term);
                }
                shell.args(["-c", "exec \"$SHELL\" -l"]);
                Err(shell.exec()).doing("start the shell")
            }
            Fork::Parent(child) => {
                sys::ignore_keys();
                let ended = waitpid(Some(child), WaitOptions::empty());
                Ok(ended
                    .doing("wait for the shell")?
                    .map_or(1, |(_, status)| code(status)))
            }
        }
    });
    finish(entered)
}

/// `net <pid> <start> <own users> <command> …`: a command of the workstation, with all its files
/// and its own user, in the network of the group whose keeper this is. `inside` is the same in the
/// network of an instance, `as_itself` or with the rights to change that network.
pub fn net(arguments: &[OsString], as_itself: bool) -> ExitCode {
    finish(parse_target(arguments).and_then(|target| {
        let [program, rest @ ..] = &arguments[3..] else {
            return Err(Failure::new("no command"));
        };
        let ids = (geteuid().as_raw(), getegid().as_raw());
        sys::join_target(target, ThreadNameSpaceType::NETWORK)?;
        if target.own_users && as_itself {
            // Back to the user that it was: inside, it would be root.
            sys::new_users(ids, (0, 0))?;
        }
        Err(Command::new(program).args(rest).exec())
            .doing(format_args!("start {}", program.display()))
    }))
}

fn parse_target(arguments: &[OsString]) -> Result<Target> {
    let field = |index: usize| arguments.get(index).and_then(|text| text.to_str());
    let number = |index| field(index).and_then(|text: &str| text.parse().ok());
    match (number(0), number(1), field(2)) {
        (Some(pid), Some(start), Some(own_users)) => Ok(Target {
            process: Process {
                pid: pid as u32,
                start,
            },
            own_users: own_users == "true",
        }),
        _ => Err(Failure::new("the helper was called without a process")),
    }
}

fn finish(result: Result<i32>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code.clamp(0, 255) as u8),
        Err(failure) => {
            eprintln!("sandbox: {}", failure.message);
            ExitCode::from(127)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name() {
        let table = "root:x:0:0:root:/root:/bin/bash\nweb:x:33:44::/srv/web:\nbroken\n";
        let user = User::parse(table, "web").unwrap();
        assert_eq!((user.uid, user.gid), (33, 44));
        assert_eq!(
            (user.home.as_str(), user.shell.as_str()),
            ("/srv/web", "/bin/sh")
        );
        assert!(User::parse(table, "broken").is_none());
        assert!(User::parse(table, "roo").is_none());
    }

    #[test]
    fn a_target_needs_three_words() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let target = parse_target(&words("12 34 true sh")).unwrap();
        assert_eq!((target.process.pid, target.process.start), (12, 34));
        assert!(target.own_users);
        assert!(parse_target(&words("12 34")).is_err());
    }
}
