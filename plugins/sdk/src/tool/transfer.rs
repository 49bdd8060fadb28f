//! The files that `uploads` and `downloads` name.

use std::path::Path;

use shell_words::quote;

use crate::{Connection, Context, Error, Exec, Result};

/// Copies `local` to `remote`: into that directory if it is one, else under that name, as `cp -R`
/// has it. It passes through directory `way` of the instance.
pub async fn upload(
    cx: &Context,
    connection: &dyn Connection,
    (local, remote): (&str, &str),
    way: &str,
) -> Result<()> {
    let local = cx.root.join(local);
    let name = local.file_name().unwrap_or_default().to_string_lossy();
    if !local.exists() {
        let message = format!("{}: no such file or directory", local.display());
        return Err(Error::config("/uploads", message));
    }
    connection.upload(&[&local], way).await?;
    let parent = match remote.rsplit_once('/') {
        Some((parent, "")) => parent,
        Some((parent, _)) if !parent.is_empty() => parent,
        _ => ".",
    };
    let code = format!(
        "mkdir -p {} && cp -Rp {} {} && rm -rf {}",
        quote(parent),
        quote(&format!("{way}/{name}")),
        quote(remote),
        quote(way)
    );
    let copied = connection.exec(&Exec::new(code), &*cx.output).await?;
    copied.into_result(&format!("upload to {remote}"))
}

/// Fetches `remote` to `local`: into that directory if it is one or ends with `/`, else under that
/// name.
pub async fn download(
    cx: &Context,
    connection: &dyn Connection,
    (remote, local): (&str, &str),
) -> Result<()> {
    let target = cx.root.join(local);
    if local.ends_with('/') || target.is_dir() {
        return connection.download(&[remote], &target).await;
    }
    let parent = target.parent().unwrap_or(&cx.root);
    std::fs::create_dir_all(parent)?;
    // Beside the target, so that a rename does.
    let arrival = tempfile::Builder::new().tempdir_in(parent)?;
    connection.download(&[remote], arrival.path()).await?;
    let name = Path::new(remote).file_name().unwrap_or_default();
    Ok(std::fs::rename(arrival.path().join(name), target)?)
}
