//! What every connection must hold to: files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::checks::{Checks, During, Outcome, expect, expect_eq};
use super::connection::{answer, code};
use super::subject::unique;
use crate::{Connection, Exec};

/// What the tree under test holds: path, content (none: directory), mode.
const TREE: [(&str, Option<&str>, u32); 6] = [
    ("", None, 0o755),
    ("run me", Some("#!/bin/sh\necho ran\n"), 0o755),
    ("private", Some("secret\n"), 0o600),
    ("empty", None, 0o755),
    ("deep", None, 0o750),
    ("deep/down $there", Some("ä\n"), 0o640),
];

pub(super) async fn files(checks: &mut Checks<'_>, connection: &dyn Connection) {
    checks
        .check("upload of files", upload_files(connection))
        .await;
    checks
        .check("upload of a directory", upload_tree(connection))
        .await;
    checks
        .check("upload again brings what changed", upload_again(connection))
        .await;
    checks
        .check("upload of 5 MB", upload_large(connection))
        .await;
    checks
        .check("download of a file", download_file(connection))
        .await;
    checks
        .check("download of a directory", download_tree(connection))
        .await;
    checks
        .check(
            "download of what is missing fails",
            download_missing(connection),
        )
        .await;
}

/// A directory name of the machine, not made yet and with a missing parent.
fn remote() -> String {
    format!("/tmp/conformance-{}/new dir", unique())
}

async fn clean(connection: &dyn Connection, remote: &str) -> Outcome {
    let parent = remote.rsplit_once('/').map_or(remote, |(parent, _)| parent);
    expect_eq(
        "rm",
        code(connection, &format!("rm -rf '{parent}'")).await?,
        0,
    )
}

fn write(path: &Path, content: &[u8], mode: u32) -> Outcome {
    fs::write(path, content).during("write")?;
    set_mode(path, mode)
}

fn set_mode(path: &Path, mode: u32) -> Outcome {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).during("chmod")?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Whether `path` has `mode`; always where the workstation has no modes.
fn expect_mode(path: &Path, mode: u32) -> Outcome {
    let metadata = fs::metadata(path).during(&path.display().to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let seen = metadata.permissions().mode() & 0o777;
        expect(
            seen == mode,
            format_args!("mode {mode:o} of {}, saw {seen:o}", path.display()),
        )
    }
    #[cfg(not(unix))]
    {
        let _ = (metadata, mode);
        Ok(())
    }
}

fn make_tree(root: &Path) -> Outcome {
    for (path, content, mode) in TREE {
        let path = root.join(path);
        match content {
            Some(content) => write(&path, content.as_bytes(), mode)?,
            None => {
                fs::create_dir_all(&path).during("mkdir")?;
                set_mode(&path, mode)?;
            }
        }
    }
    Ok(())
}

fn expect_tree(root: &Path) -> Outcome {
    for (path, content, mode) in TREE {
        let path = root.join(path);
        expect_mode(&path, mode)?;
        if let Some(content) = content {
            let seen = fs::read_to_string(&path).during(&path.display().to_string())?;
            expect_eq("the content", seen.as_str(), content)?;
        }
    }
    Ok(())
}

async fn expect_remote(
    connection: &dyn Connection,
    path: &str,
    content: Option<&str>,
    mode: u32,
) -> Outcome {
    let test = if content.is_some() { "-f" } else { "-d" };
    let mut exec = Exec::new(format!(
        "test {test} \"$P\" && ls -ld \"$P\" | cut -c2-10{}",
        if content.is_some() {
            " && cat \"$P\""
        } else {
            ""
        }
    ));
    exec.environment.insert("P".into(), path.into());
    let seen = answer(connection, &exec)
        .await
        .map_err(|error| format!("{path}: {error}"))?;
    let mut want = symbolic(mode);
    if let Some(content) = content.filter(|content| !content.is_empty()) {
        want.push('\n');
        want.push_str(content.trim_end());
    }
    expect_eq(path, seen, want)
}

/// `rwxr-x---`
fn symbolic(mode: u32) -> String {
    "rwxrwxrwx"
        .chars()
        .enumerate()
        .map(|(bit, letter)| {
            if mode & (0o400 >> bit) == 0 {
                '-'
            } else {
                letter
            }
        })
        .collect()
}

async fn upload_files(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let (one, two) = (local.path().join("a file"), local.path().join("two"));
    write(&one, b"one\n", 0o755)?;
    write(&two, b"", 0o640)?;
    let remote = remote();
    let sent = connection.upload(&[&one, &two], &remote).await;
    sent.during("upload")?;
    expect_remote(
        connection,
        &format!("{remote}/a file"),
        Some("one\n"),
        0o755,
    )
    .await?;
    expect_remote(connection, &format!("{remote}/two"), Some(""), 0o640).await?;
    clean(connection, &remote).await
}

async fn upload_tree(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let tree = local.path().join("tree");
    make_tree(&tree)?;
    let remote = remote();
    connection
        .upload(&[&tree], &remote)
        .await
        .during("upload")?;
    for (path, content, mode) in TREE {
        let path = format!("{remote}/tree/{path}");
        expect_remote(connection, path.trim_end_matches('/'), content, mode).await?;
    }
    let ran = answer(connection, &Exec::new(format!("'{remote}/tree/run me'"))).await?;
    expect_eq("the uploaded script's output", ran.as_str(), "ran")?;
    clean(connection, &remote).await
}

async fn upload_again(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let file = local.path().join("file");
    let remote = remote();
    let path = format!("{remote}/file");
    for (content, mode) in [("first", 0o644), ("other", 0o644), ("other", 0o755)] {
        write(&file, content.as_bytes(), mode)?;
        connection
            .upload(&[&file], &remote)
            .await
            .during("upload")?;
        expect_remote(connection, &path, Some(content), mode).await?;
    }
    // Unchanged here but changed over there: it comes back.
    let changed = format!("echo changed > '{path}'");
    expect_eq("changing the file", code(connection, &changed).await?, 0)?;
    connection
        .upload(&[&file], &remote)
        .await
        .during("upload")?;
    expect_remote(connection, &path, Some("other"), 0o755).await?;
    clean(connection, &remote).await
}

/// Bytes that do not repeat soon, all values among them.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

async fn upload_large(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let file = local.path().join("large");
    let bytes = noise(5_000_000);
    write(&file, &bytes, 0o644)?;
    let remote = remote();
    connection
        .upload(&[&file], &remote)
        .await
        .during("upload")?;
    let back = TempDir::new().during("temporary directory")?;
    let path = format!("{remote}/large");
    let fetched = connection.download(&[&path], back.path()).await;
    fetched.during("download")?;
    let seen = fs::read(back.path().join("large")).during("read")?;
    expect(seen == bytes, "the same 5 MB back")?;
    clean(connection, &remote).await
}

async fn download_file(connection: &dyn Connection) -> Outcome {
    let remote = remote();
    let make = format!(
        "mkdir -p '{remote}' && cd '{remote}' && printf 'text\\n' > 'a file' && chmod 750 'a file'"
    );
    expect_eq("making the file", code(connection, &make).await?, 0)?;
    let local = TempDir::new().during("temporary directory")?;
    let target = local.path().join("not/there yet");
    let path = format!("{remote}/a file");
    let fetched = connection.download(&[&path], &target).await;
    fetched.during("download")?;
    let file = target.join("a file");
    expect_mode(&file, 0o750)?;
    let seen = fs::read_to_string(&file).during("read")?;
    expect_eq("the content", seen.as_str(), "text\n")?;
    clean(connection, &remote).await
}

async fn download_tree(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let tree = local.path().join("tree");
    make_tree(&tree)?;
    let remote = remote();
    connection
        .upload(&[&tree], &remote)
        .await
        .during("upload")?;
    let back = TempDir::new().during("temporary directory")?;
    let path = format!("{remote}/tree");
    let fetched = connection.download(&[&path], back.path()).await;
    fetched.during("download")?;
    expect_tree(&back.path().join("tree"))?;
    clean(connection, &remote).await
}

async fn download_missing(connection: &dyn Connection) -> Outcome {
    let local = TempDir::new().during("temporary directory")?;
    let path = remote();
    match connection.download(&[&path], local.path()).await {
        Ok(()) => Err("expected an error for a path that is not there".into()),
        Err(error) => expect(
            error.to_string().contains(&path),
            format_args!("an error that names {path}, saw {error}"),
        ),
    }
}
