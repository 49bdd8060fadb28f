//! Uploads and downloads: one tar stream each.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use banquet_sdk::outside::archive::{LeftOut, Rules, unpack_all};
use banquet_sdk::{Error, Exec, ExitStatus, Line, Result, Stream};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::connection::SshConnection;
use crate::exec::{Input, Sink};
use crate::local::{self, Entry};
use crate::script::quote;
use crate::sent::{self, File, Files};

/// Chunks of a stream that may wait for the other side.
const CHUNKS: usize = 16;
/// The machine's record of a file; a change of any kind changes it.
const STAT: &str = "stat -c '%f|%s|%i|%z|%n'";
/// Bytes of names that fit into a command line, however they are quoted.
const FEW: usize = 16 * 1024;
/// What is kept of a tool's complaints, in bytes.
const COMPLAINTS: usize = 4096;
/// Most that a tool may answer, in bytes: the records of some hundred thousand files.
const ANSWER: usize = 64 << 20;

impl SshConnection {
    pub(crate) async fn send(&self, locals: &[&Path], remote: &str) -> Result<()> {
        // Two uploads at once would both write down what was sent.
        let _turn = self.slot.uploads.lock().await;
        let place = sent::place(&self.work_dir, remote);
        let locals: Vec<PathBuf> = locals.iter().map(|&local| local.into()).collect();
        // The machine looks at its files while we look at ours.
        let walking = blocking(move || local::walk(&locals));
        let (entries, known) = tokio::join!(walking, self.known(&place, remote));
        let (entries, (mut known, records)) = (entries?, known?);
        let doubtful = sent::doubtful(&entries, &known);
        let hashes = blocking(move || Ok(sent::hashes(&doubtful))).await?;
        let entries = sent::changed(entries, &known, &hashes, records.as_ref());
        if entries.is_empty() && !known.is_empty() {
            return Ok(());
        }
        let (hashes, mut records) = self.send_archive(entries.clone(), remote).await?;
        for entry in entries {
            let hash = hashes.get(&entry.name).cloned();
            if let (Some(hash), Some(record)) = (hash, records.remove(&entry.name)) {
                let file = File {
                    hash,
                    mode: entry.mode,
                    record,
                    seen: entry.seen,
                };
                known.insert(entry.name, file);
            }
        }
        blocking(move || sent::save(&known, &place)).await
    }

    /// What was sent, and the machine's own records of it; none where they are all as they were.
    async fn known(
        &self,
        place: &Path,
        remote: &str,
    ) -> Result<(Files, Option<BTreeMap<String, String>>)> {
        let from = place.to_owned();
        let known = blocking(move || Ok(sent::load(&from))).await?;
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let said = self.look(&names, remote, "| sha256sum").await?;
        if !known.is_empty() && said.starts_with(&sent::digest(&known)) {
            return Ok((known, None));
        }
        let records = records(&self.look(&names, remote, "").await?);
        Ok((known, Some(records)))
    }

    /// The machine's record of each file below `remote` that it has, through the filter `then`.
    /// Nothing where its `stat` is another; then every file is sent.
    async fn look(&self, names: &[&str], remote: &str, then: &str) -> Result<String> {
        if names.is_empty() {
            return Ok(String::new());
        }
        let directory = quote(remote);
        let command = format!("cd {directory} && xargs -0 {STAT} 2>/dev/null {then}");
        let list: String = names.iter().map(|name| format!("./{name}\0")).collect();
        let mut text = Text::default();
        let input = Input::Bytes(list.as_bytes());
        self.run(&Exec::new(command), input, &mut text).await?;
        Ok(String::from_utf8_lossy(&text.out).into_owned())
    }

    /// Gives the hash of each file that was sent, and the machine's record of it.
    async fn send_archive(
        &self,
        entries: Vec<Entry>,
        remote: &str,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>)> {
        let directory = quote(remote);
        let mut command = format!("mkdir -p -- {directory} && cd {directory} && tar -xzpf -");
        let is_short = entries.iter().map(|it| it.name.len() + 5).sum::<usize>() <= FEW;
        if is_short {
            // Saves a round trip; the archive's exit code is what counts.
            let names: Vec<_> = entries
                .iter()
                .map(|it| quote(&format!("./{}", it.name)))
                .collect();
            let names = names.join(" ");
            command.push_str(&format!(" && {{ {STAT} {names} 2>/dev/null || :; }}"));
        }
        let exec = Exec::new(command);
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let packing = blocking(move || local::archive(&entries, sender));
        let mut complaints = Text::default();
        let unpacking = self.run(&exec, Input::Chunks(chunks), &mut complaints);
        let (packed, status) = tokio::join!(packing, unpacking);
        let what = format!("upload to {remote}");
        // The far side's word comes first: here only the pipe broke.
        check(status?, &what, &complaints)?;
        let hashes: BTreeMap<_, _> = packed?.into_iter().collect();
        let told = match is_short {
            true => String::from_utf8_lossy(&complaints.out).into_owned(),
            false => {
                let names: Vec<&str> = hashes.keys().map(String::as_str).collect();
                self.look(&names, remote, "").await?
            }
        };
        Ok((hashes, records(&told)))
    }

    pub(crate) async fn fetch(&self, remote: &str, local: &Path) -> Result<()> {
        let path = remote.trim_end_matches('/');
        let (directory, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some(parts) => parts,
            None => (".", path),
        };
        let what = format!("download {remote}");
        if name.is_empty() {
            return Err(Error::machine(format!("{what}: it has no name")));
        }
        let (directory, name) = (quote(directory), quote(&format!("./{name}")));
        let exec = Exec::new(format!("cd {directory} && tar -cf - {name}"));
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let mut sink = Fetched {
            chunks: Some(sender),
            refused: false,
            complaints: Text::default(),
        };
        let into = local.to_owned();
        let unpacking = blocking(move || unpack(chunks, &into));
        let packing = async {
            let status = self.run(&exec, Input::Bytes(&[]), &mut sink).await;
            // The end of the stream.
            sink.chunks = None;
            status
        };
        let (status, unpacked) = tokio::join!(packing, unpacking);
        let unpacked = unpacked.map_err(|error| error.while_doing(&what));
        if sink.refused {
            // The command was ended for it.
            unpacked?;
        } else {
            check(status?, &what, &sink.complaints)?;
            if let Some(text) = unpacked?.note() {
                let stream = Stream::Note;
                self.output.line(Line { stream, text }).await;
            }
        }
        Ok(())
    }
}

/// By name, from lines of `STAT`.
fn records(text: &str) -> BTreeMap<String, String> {
    let record = |line: &str| {
        let (record, name) = line.rsplit_once("|./")?;
        Some((name.to_owned(), record.to_owned()))
    };
    text.lines().filter_map(record).collect()
}

fn check(status: ExitStatus, what: &str, complaints: &Text) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&complaints.err);
    let said = said.trim();
    let mut error = Error::machine(format!("{what}: exit code {}: {said}", status.0));
    if status.0 == 127 {
        error = error.hint("Install tar on the machine.");
    }
    // The second is GNU tar's word for a file that fits in part.
    let is_full = ["No space left on device", "Wrote only"];
    if is_full.iter().any(|words| said.contains(words)) {
        error = error.hint("The machine's disk is full there; `df` on it shows how much is free.");
    }
    Err(error)
}

fn unpack(chunks: mpsc::Receiver<Bytes>, local: &Path) -> Result<LeftOut> {
    std::fs::create_dir_all(local)
        .map_err(|error| Error::machine(format!("make {}: {error}", local.display())))?;
    let held = Bytes::new();
    // Where the machine could not even begin, its own words say why.
    unpack_all(Incoming { chunks, held }, local, Rules::HOME)
        .map_err(|error| Error::machine(error.to_string()))
}

/// A stream of chunks for a reader that blocks.
struct Incoming {
    chunks: mpsc::Receiver<Bytes>,
    held: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.held.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.held = chunk,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.held.len());
        buffer[..length].copy_from_slice(&self.held.split_to(length));
        Ok(length)
    }
}

/// Output hands on, complaints kept.
struct Fetched {
    chunks: Option<mpsc::Sender<Bytes>>,
    /// Nobody takes them any more: unpacking failed.
    refused: bool,
    complaints: Text,
}

impl Sink for Fetched {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        if stream == Stream::Err {
            return self.complaints.take(stream, bytes).await;
        }
        if let Some(chunks) = &self.chunks
            && !bytes.is_empty()
            && chunks.send(Bytes::copy_from_slice(bytes)).await.is_err()
        {
            // What is still to come may have no end.
            self.refused = true;
            return Err(Error::machine("the archive was refused"));
        }
        Ok(())
    }
}

/// Keeps all of standard output and the beginning of standard error.
#[derive(Default)]
pub(crate) struct Text {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
}

impl Sink for Text {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        match stream {
            Stream::Err => {
                let room = COMPLAINTS.saturating_sub(self.err.len());
                self.err.extend_from_slice(&bytes[..room.min(bytes.len())]);
            }
            _ if self.out.len() + bytes.len() > ANSWER => {
                return Err(Error::machine(format!(
                    "the machine's answer is longer than {} MiB",
                    ANSWER >> 20
                )));
            }
            _ => self.out.extend_from_slice(bytes),
        }
        Ok(())
    }
}

/// Runs work that blocks beside the asynchronous tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(Error::new(
                banquet_sdk::ErrorKind::Internal,
                error.to_string(),
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_missing_tar_are_told() {
        let said = |text: &str| Text {
            err: text.into(),
            ..Text::default()
        };
        for words in [
            "tar: a: Cannot write: No space left on device\n",
            "tar: a: Wrote only 4608 of 10240 bytes\n",
        ] {
            let error = check(ExitStatus(2), "upload to /x", &said(words)).unwrap_err();
            assert!(error.message.contains("/x") && error.message.contains(words.trim()));
            assert!(error.hints[0].contains("full"));
        }
        let error = check(ExitStatus(127), "upload", &said("sh: tar: not found")).unwrap_err();
        assert!(error.hints[0].contains("tar"));
    }

    #[test]
    fn a_stream_is_read_across_its_chunks() {
        let (sender, chunks) = mpsc::channel(4);
        for chunk in ["ab", "", "c"] {
            sender.try_send(Bytes::from(chunk)).unwrap();
        }
        drop(sender);
        let mut text = String::new();
        let held = Bytes::new();
        Incoming { chunks, held }.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }
}
