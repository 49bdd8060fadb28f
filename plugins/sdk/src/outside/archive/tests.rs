use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use tar::{EntryType, Header};

use super::*;

/// An archive, entry by entry; names are taken as they are.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(mut self, kind: EntryType, name: &str, link: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(4242);
        header.set_gid(4242);
        header.set_mtime(1_000_000_000);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Regular, name, "", mode, b"hi")
    }

    fn link(self, kind: EntryType, name: &str, to: &str) -> Self {
        self.entry(kind, name, to, 0o777, b"")
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }

    fn at(self, into: &Path, rules: Rules) -> io::Result<LeftOut> {
        unpack_all(self.end().as_slice(), into, rules)
    }
}

/// A directory `in`, to unpack into, beside a file `secret` that must stay as it is.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.inside()).unwrap();
        fs::write(place.0.path().join("secret"), "secret").unwrap();
        place
    }

    fn inside(&self) -> std::path::PathBuf {
        self.0.path().join("in")
    }

    fn mode(&self, name: &str) -> u32 {
        fs::symlink_metadata(self.inside().join(name))
            .unwrap()
            .mode()
            & 0o7777
    }

    fn unharmed(&self) {
        assert_eq!(
            fs::read_to_string(self.0.path().join("secret")).unwrap(),
            "secret"
        );
        let beside = fs::read_dir(self.0.path()).unwrap().count();
        assert_eq!(beside, 2, "nothing new beside the directory");
    }
}

#[test]
fn set_user_bits_and_the_right_of_others_to_write_stay_behind() {
    let place = Place::new();
    let archive = Archive::default()
        .file("suid", 0o6777)
        .file("private", 0o600)
        .entry(EntryType::Directory, "dir/", "", 0o3777, b"")
        .file("dir/sticky", 0o1755)
        .entry(EntryType::Directory, "shut/", "", 0o055, b"")
        .file("shut/in", 0o444);
    archive.at(&place.inside(), Rules::HOME).unwrap();
    for (name, mode) in [
        ("suid", 0o755),
        ("private", 0o600),
        ("dir", 0o755),
        ("dir/sticky", 0o755),
        ("shut", 0o755),
        ("shut/in", 0o444),
    ] {
        assert_eq!(place.mode(name), mode, "{name}");
    }
    let seen = fs::metadata(place.inside().join("suid")).unwrap();
    assert_eq!(seen.uid(), rustix::process::geteuid().as_raw());
    assert_eq!(seen.mtime(), 1_000_000_000);
}

#[test]
fn a_root_directory_keeps_what_means_something_in_the_machine() {
    let place = Place::new();
    let rules = Rules {
        owners: false,
        ..Rules::ROOT
    };
    let archive =
        Archive::default()
            .file("su", 0o4755)
            .link(EntryType::Symlink, "mtab", "/proc/mounts");
    archive.at(&place.inside(), rules).unwrap();
    assert_eq!(place.mode("su"), 0o4755);
    let link = fs::read_link(place.inside().join("mtab")).unwrap();
    assert_eq!(link, Path::new("/proc/mounts"));
}

#[test]
fn links_that_leave_are_left_out_and_named() {
    let place = Place::new();
    let mut archive = Archive::default().entry(EntryType::Directory, "d/", "", 0o755, b"");
    let leaving = [
        "/etc/passwd",
        "../../secret",
        "x/../../secret",
        "..//x/../../secret",
    ];
    for (number, to) in leaving.iter().enumerate() {
        archive = archive.link(EntryType::Symlink, &format!("d/leaves{number}"), to);
    }
    let archive = archive
        .link(EntryType::Symlink, "d/stays", "../d/file")
        .file("d/file", 0o644);
    let left_out = archive.at(&place.inside(), Rules::HOME).unwrap();
    assert_eq!(left_out.count, leaving.len());
    assert!(left_out.note().unwrap().contains("d/leaves0"));
    assert_eq!(
        fs::read_to_string(place.inside().join("d/stays")).unwrap(),
        "hi"
    );
    assert_eq!(fs::read_dir(place.inside().join("d")).unwrap().count(), 2);
    place.unharmed();
}

#[test]
fn nothing_lands_outside() {
    for rules in [
        Rules::HOME,
        Rules::MACHINE,
        Rules {
            owners: false,
            ..Rules::ROOT
        },
    ] {
        let place = Place::new();
        for archive in [
            Archive::default().file("../secret", 0o644),
            Archive::default().file("a/../../secret", 0o644),
            Archive::default()
                .link(EntryType::Symlink, "up", "..")
                .file("up/secret", 0o644),
            Archive::default()
                .link(EntryType::Symlink, "a", ".")
                .link(EntryType::Symlink, "b", "a/..")
                .file("b/secret", 0o644),
            Archive::default().link(EntryType::Link, "hard", "../secret"),
            Archive::default()
                .link(EntryType::Link, "hard", "../secret")
                .file("hard", 0o644),
            Archive::default().entry(EntryType::Directory, "../dir/", "", 0o755, b""),
        ] {
            let _ = archive.at(&place.inside(), rules);
            place.unharmed();
        }
        // From the root means from the directory.
        let absolute = Archive::default().file("/etc/motd", 0o644);
        absolute.at(&place.inside(), rules).unwrap();
        assert!(place.inside().join("etc/motd").is_file());
    }
}

#[test]
fn links_that_are_there_already_are_not_followed() {
    let place = Place::new();
    symlink("../secret", place.inside().join("file")).unwrap();
    let archive = Archive::default().file("file", 0o644);
    archive.at(&place.inside(), Rules::HOME).unwrap();
    assert!(!place.inside().join("file").is_symlink());
    symlink("..", place.inside().join("dir")).unwrap();
    let error = Archive::default()
        .file("dir/secret", 0o644)
        .at(&place.inside(), Rules::HOME)
        .unwrap_err();
    assert!(error.to_string().contains("a link"), "{error}");
    place.unharmed();
}

#[test]
fn a_file_of_which_another_name_is_kept_is_replaced_and_not_written_through() {
    let place = Place::new();
    fs::write(place.inside().join("kept"), "kept").unwrap();
    let archive = Archive::default()
        .link(EntryType::Link, "name", "kept")
        .file("name", 0o644);
    archive.at(&place.inside(), Rules::HOME).unwrap();
    assert_eq!(
        fs::read_to_string(place.inside().join("kept")).unwrap(),
        "kept"
    );
    assert_eq!(
        fs::read_to_string(place.inside().join("name")).unwrap(),
        "hi"
    );
}

#[test]
fn a_root_directory_may_lead_to_itself() {
    let place = Place::new();
    let rules = Rules {
        owners: false,
        ..Rules::ROOT
    };
    let archive = Archive::default()
        .entry(EntryType::Directory, "usr/lib/", "", 0o755, b"")
        .link(EntryType::Symlink, "lib", "/usr/lib")
        .file("lib/so", 0o644);
    archive.at(&place.inside(), rules).unwrap();
    assert!(place.inside().join("usr/lib/so").is_file());
}

#[test]
fn devices_and_fifos_are_left_out() {
    let place = Place::new();
    let archive = Archive::default()
        .entry(EntryType::Fifo, "fifo", "", 0o644, b"")
        .entry(EntryType::Block, "block", "", 0o644, b"")
        .entry(EntryType::Char, "char", "", 0o644, b"")
        .file("file", 0o644);
    archive.at(&place.inside(), Rules::HOME).unwrap();
    assert_eq!(fs::read_dir(place.inside()).unwrap().count(), 1);
}

#[test]
fn what_has_no_end_is_given_up() {
    let place = Place::new();
    let zeros = Archive::default().end();
    let endless = zeros.as_slice().chain(io::repeat(0));
    let error = unpack_all(endless, &place.inside(), Rules::HOME).unwrap_err();
    assert!(error.to_string().contains("no end"), "{error}");

    // A name of 8 GiB, which the reader would keep in memory.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(8 << 30);
    header.set_cksum();
    let endless = header.as_bytes().chain(io::repeat(b'x'));
    let error = unpack_all(endless, &place.inside(), Rules::HOME).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");

    // A file that no disk holds.
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[0] = b'a';
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(1 << 60);
    header.set_cksum();
    let endless = header.as_bytes().chain(io::repeat(b'x'));
    let error = unpack_all(endless, &place.inside(), Rules::HOME).unwrap_err();
    assert!(error.to_string().contains("1 TiB"), "{error}");
}

#[test]
fn zeros_become_holes_and_stay_zeros() {
    let place = Place::new();
    let mut content = vec![0; 300_000];
    content[200_000] = 7;
    let archive = Archive::default().entry(EntryType::Regular, "holes", "", 0o644, &content);
    archive.at(&place.inside(), Rules::HOME).unwrap();
    assert_eq!(fs::read(place.inside().join("holes")).unwrap(), content);
    let mode = fs::metadata(place.inside().join("holes"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}
