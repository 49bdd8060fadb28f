//! What a machine sends as an archive lands below the directory that was meant, without the bits
//! that make somebody more than they are.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use banquet_sdk::outside::archive::{Rules, unpack_all};
use proptest::prelude::*;
use tar::{EntryType, Header};

use crate::support::{Project, needs};

const KINDS: [EntryType; 8] = [
    EntryType::Regular,
    EntryType::Directory,
    EntryType::Symlink,
    EntryType::Link,
    EntryType::Fifo,
    EntryType::Char,
    EntryType::GNULongName,
    EntryType::XHeader,
];

#[derive(Clone, Debug)]
struct Entry {
    kind: EntryType,
    name: String,
    link: String,
    mode: u32,
    data: Vec<u8>,
}

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[ab]", 2 => Just("..".to_owned()), 1 => Just(".".to_owned()), 1 => Just(String::new()),
    ];
    (any::<bool>(), proptest::collection::vec(part, 1..5)).prop_map(|(root, parts)| {
        let start = if root { "/" } else { "" };
        format!("{start}{}", parts.join("/"))
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let data = proptest::collection::vec(any::<u8>(), 0..20);
    (0..KINDS.len(), path(), path(), 0u32..0o10000, data).prop_map(
        |(kind, name, link, mode, data)| Entry {
            kind: KINDS[kind],
            name,
            link,
            mode,
            data,
        },
    )
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = Header::new_gnu();
        let gnu = header.as_gnu_mut().expect("a GNU header");
        gnu.name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        gnu.linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_uid(4242);
        header.set_gid(4242);
        header.set_mtime(1);
        header.set_size(entry.data.len() as u64);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend(&entry.data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Every path below `at`; links are not followed.
fn below(at: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).expect("a directory").flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&entry.path(), found);
        }
    }
}

/// A directory `outside` that must stay as it is, with `outside/in` to unpack into.
fn is_tame(bytes: &[u8]) -> Result<(), TestCaseError> {
    let place = tempfile::tempdir().expect("a directory");
    let inside = place.path().join("outside/in");
    fs::create_dir_all(&inside).expect("a directory");
    for file in ["outside/a", "outside/b", "a", "b"] {
        fs::write(place.path().join(file), "precious").expect("a file");
    }
    let _ = unpack_all(bytes, &inside, Rules::HOME);
    for file in ["outside/a", "outside/b", "a", "b"] {
        let seen = fs::read_to_string(place.path().join(file));
        prop_assert!(seen.is_ok_and(|text| text == "precious"), "{}", file);
    }
    let count = |path: &Path| fs::read_dir(path).expect("a directory").count();
    prop_assert_eq!(
        (count(place.path()), count(&place.path().join("outside"))),
        (3, 3)
    );
    let mut found = Vec::new();
    below(&inside, &mut found);
    let real = inside.canonicalize().expect("a directory");
    for path in found {
        let meta = fs::symlink_metadata(&path).expect("it is there");
        if meta.is_symlink() {
            if let Ok(end) = path.canonicalize() {
                prop_assert!(
                    end.starts_with(&real),
                    "{} leads to {}",
                    path.display(),
                    end.display()
                );
            }
            continue;
        }
        prop_assert!(meta.is_file() || meta.is_dir(), "{}", path.display());
        prop_assert_eq!(
            meta.mode() & 0o7022,
            0,
            "mode {:o} of {}",
            meta.mode(),
            path.display()
        );
        prop_assert_eq!(
            meta.uid(),
            fs::metadata(place.path()).expect("it is there").uid()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_an_archive_holds_it_stays_inside(
        entries in proptest::collection::vec(entry(), 0..8)
    ) {
        is_tame(&archive(&entries))?;
    }

    #[test]
    fn whatever_is_broken_in_an_archive_it_stays_inside(
        entries in proptest::collection::vec(entry(), 1..4),
        broken in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = archive(&entries);
        for (at, byte) in broken {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        is_tame(&bytes)?;
    }
}

/// A machine of `driver` makes a wicked tree, which `lifecycle` and `downloads` bring home.
fn brings_home_nothing_wicked(project: &Project) {
    let ran = project.kitchen("converge").succeeds();
    // A name alone is told: links that lead elsewhere stay behind.
    ran.prints("left out links that lead elsewhere");
    let mode = |name: &str| {
        let path = project.path().join("home-of-it").join(name);
        fs::symlink_metadata(path).map(|it| it.mode() & 0o7777)
    };
    assert_eq!(mode("su").expect("it came"), 0o755);
    assert_eq!(mode("dir").expect("it came"), 0o755);
    assert_eq!(mode("dir/file").expect("it came"), 0o644);
    for left_out in ["shadow", "up", "fifo"] {
        assert!(mode(left_out).is_err(), "{left_out} came along");
    }
}

const WICKED: &str = "rm -rf /tmp/tree; mkdir -p /tmp/tree/dir; cd /tmp/tree; echo x > su; echo x > dir/file; \
    chmod 6777 su; chmod 1777 dir; chmod 666 dir/file; ln -s /etc/shadow shadow; ln -s ../.. up; mkfifo fifo";

fn project(driver: &str) -> Project {
    let text = format!(
        "driver: {driver}\nprovisioner: {{name: shell, command: '{WICKED}', \
         downloads: {{/tmp/tree: home-of-it}}}}\nverifier: dummy\nplatforms: [{{name: host}}]\n\
         suites: [{{name: a}}]\n"
    );
    Project::new().file("kitchen.yml", &text)
}

#[test]
fn a_sandbox_brings_no_set_user_bits_home() {
    if needs("sandbox") {
        let project = project("sandbox");
        brings_home_nothing_wicked(&project);
        project.kitchen("destroy").succeeds();
    }
}

#[test]
fn a_sandbox_of_an_ordinary_user_brings_no_set_user_bits_home() {
    if needs("sandbox") && needs("ordinary-user") {
        let project = project("sandbox").as_ordinary_user();
        brings_home_nothing_wicked(&project);
        project.kitchen("destroy").succeeds();
    }
}

#[test]
fn a_container_brings_no_set_user_bits_home() {
    if needs("docker") {
        let project = project("{name: docker, image: 'banquet/busybox:1', pull: never}");
        brings_home_nothing_wicked(&project);
        project.kitchen("destroy").succeeds();
    }
}
