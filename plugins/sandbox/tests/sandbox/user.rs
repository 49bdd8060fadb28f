//! All of it without any privilege.

use std::os::unix::fs::PermissionsExt;

use crate::support;

/// All of the above once more, without any privilege.
#[test]
fn an_ordinary_user_has_all_of_it() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const USER: u32 = 64_123;
    let place = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    let (tests, helper) = (
        place.path().join("tests"),
        place.path().join("banquet-sandbox"),
    );
    std::fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    std::fs::copy(support::helper(), &helper).unwrap();
    let own = place.path().join("own");
    std::fs::create_dir(&own).unwrap();
    for path in [place.path(), &tests, &helper, &own] {
        std::fs::set_permissions(path, open.clone()).unwrap();
    }
    std::os::unix::fs::chown(&own, Some(USER), Some(USER)).unwrap();
    let ran = std::process::Command::new(&tests)
        .env(support::HELPER, &helper)
        .env("TMPDIR", &own)
        .current_dir(&own)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("test result: ok"), "{said}");
}
