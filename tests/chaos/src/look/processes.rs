//! Processes, by what is in their arguments, environment and working directory.

use std::fs;
use std::io;
use std::path::Path;

use super::Found;

/// Processes that have `token` in their arguments, environment or working directory, but for those in
/// `ours`.
pub fn processes(token: &str, ours: &[i32]) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(pid) = name.and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if pid.cast_unsigned() == std::process::id() || ours.contains(&pid) {
            continue;
        }
        if let Some(line) = named(&path, token) {
            found.push(Found::Process(pid, line));
        }
    }
    Ok(found)
}

/// The command line of a process that has the token somewhere. What has ended meanwhile has none.
fn named(process: &Path, token: &str) -> Option<String> {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let variables = fs::read(process.join("environ")).unwrap_or_default();
    let directory = fs::read_link(process.join("cwd")).unwrap_or_default();
    let has = |bytes: &[u8]| {
        let mut windows = bytes.windows(token.len());
        windows.any(|window| window == token.as_bytes())
    };
    let texts = [
        &line[..],
        &variables[..],
        directory.as_os_str().as_encoded_bytes(),
    ];
    // A zombie has neither: it only waits for its parent.
    let is_zombie = line.is_empty() && variables.is_empty();
    (!is_zombie && texts.into_iter().any(has))
        .then(|| String::from_utf8_lossy(&line).replace('\0', " "))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_found_by_arguments_environment_and_directory() {
        let token = format!("token-of-a-test-{}", std::process::id());
        let directory = std::env::temp_dir().join(&token);
        fs::create_dir_all(&directory).unwrap();
        let argument = ["-c", "echo begun; read line", &token];
        for (arguments, variable, place) in [
            (&argument[..], "none", std::env::temp_dir()),
            (&argument[..2], &token, std::env::temp_dir()),
            (&argument[..2], "none", directory.clone()),
        ] {
            let mut child = Command::new("sh")
                .args(arguments)
                .env("VARIABLE", variable)
                .current_dir(place)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            // At the moment of its start a process has no arguments yet.
            let mut said = [0; 5];
            let mut out = child.stdout.take().unwrap();
            out.read_exact(&mut said).unwrap();
            let pid = child.id().cast_signed();
            let found = processes(&token, &[]).unwrap();
            assert!(
                matches!(found[..], [Found::Process(it, _)] if it == pid),
                "{found:?}"
            );
            assert_eq!(processes(&token, &[pid]).unwrap(), []);
            drop(child.stdin.take());
            child.wait().unwrap();
            assert_eq!(processes(&token, &[]).unwrap(), []);
        }
        fs::remove_dir(&directory).unwrap();
    }
}
