//! Files of machines that come to the project.

use std::path::Path;

use crate::{Connection, Context, Result};

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
