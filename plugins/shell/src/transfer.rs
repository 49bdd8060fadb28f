//! The files that `uploads` names.

use banquet_sdk::{Connection, Context, Error, Exec, Result};
use shell_words::quote;

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
