//! What a process in a sandbox calls and does not get.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::support::{Project, Ran, needs};

/// System calls by name, and their numbers on x86-64 and on 64-bit ARM.
const DENIED: [(&str, u32, u32); 26] = [
    ("acct", 163, 89),
    ("add_key", 248, 217),
    ("adjtimex", 159, 171),
    ("bpf", 321, 280),
    ("clock_adjtime", 305, 266),
    ("clock_settime", 227, 112),
    ("delete_module", 176, 106),
    ("finit_module", 313, 273),
    ("init_module", 175, 105),
    ("io_uring_enter", 426, 426),
    ("io_uring_register", 427, 427),
    ("io_uring_setup", 425, 425),
    ("kexec_load", 246, 104),
    ("keyctl", 250, 219),
    ("lookup_dcookie", 212, 18),
    ("open_by_handle_at", 304, 265),
    ("perf_event_open", 298, 241),
    ("quotactl", 179, 60),
    ("reboot", 169, 142),
    ("request_key", 249, 218),
    ("settimeofday", 164, 170),
    ("swapoff", 168, 225),
    ("swapon", 167, 224),
    ("syslog", 103, 116),
    ("userfaultfd", 323, 282),
    ("vhangup", 153, 58),
];
/// Capabilities that no process of a sandbox has: immutable files, locked memory, modules, raw
/// input and output, accounting, reboot, time, terminals, audit, MAC, log, alarms, performance, BPF,
/// checkpoints.
const GIVEN_UP: [u32; 18] = [
    9, 14, 16, 17, 20, 22, 25, 26, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40,
];

const ONE: &str = "\
driver: sandbox
provisioner: {name: shell, command: \"true\"}
platforms: [{name: a}]
suites: [{name: web}]
";

/// The same attack on a sandbox of whoever runs the tests, root as a rule, and of an ordinary user.
fn on_each(attack: impl Fn(&Project, bool)) {
    if !needs("sandbox") {
        return;
    }
    for ordinary in [false, true] {
        let project = Project::new().file("kitchen.yml", ONE);
        let project = match ordinary {
            true if !needs("ordinary-user") => continue,
            true => project.as_ordinary_user(),
            false => project,
        };
        project.kitchen("create").succeeds();
        attack(&project, ordinary);
        project.kitchen("destroy").succeeds();
    }
}

fn inside(project: &Project, script: &str) -> Ran {
    project.kitchen(&format!("exec web-a -c {}", shell_words::quote(script)))
}

#[test]
fn each_denied_system_call_is_refused() {
    let arm = std::env::consts::ARCH == "aarch64";
    let calls =
        DENIED.map(|(name, intel, other)| format!("{name},{}", if arm { other } else { intel }));
    let (ioctl, socket) = if arm { (29, 198) } else { (16, 41) };
    let script = format!(
        "perl -e 'sub say_it {{ print \"$_[0]=\", ($_[1] == -1 ? $! + 0 : \"allowed\"), \";\\n\" }} \
         for (qw({})) {{ my ($name, $number) = split /,/; \
         say_it($name, syscall($number, 0, 0, 0, 0, 0)) }} my $key = \"x\"; \
         say_it(\"TIOCSTI\", syscall({ioctl}, 0, 0x5412, $key)); \
         say_it(\"wide TIOCSTI\", syscall({ioctl}, 0, 0x700005412, $key)); \
         say_it(\"TIOCLINUX\", syscall({ioctl}, 0, 0x541c, $key)); \
         say_it(\"AF_ALG\", syscall({socket}, 38, 5, 0)); \
         say_it(\"AF_VSOCK\", syscall({socket}, 40, 1, 0)); \
         say_it(\"audit\", syscall({socket}, 16, 3, 9));'",
        calls.join(" ")
    );
    on_each(|project, _| {
        let mut ran = inside(project, &script).succeeds();
        for (name, ..) in DENIED {
            ran = ran.prints(&format!(" {name}=1;"));
        }
        for name in ["TIOCSTI", "wide TIOCSTI", "TIOCLINUX"] {
            ran = ran.prints(&format!(" {name}=1;"));
        }
        for name in ["AF_ALG", "AF_VSOCK", "audit"] {
            ran = ran.prints(&format!(" {name}=97;"));
        }
    });
}

#[test]
fn each_given_up_capability_is_gone() {
    on_each(|project, _| {
        let ran = inside(project, "grep Cap /proc/self/status").succeeds();
        for kind in ["CapPrm:", "CapEff:", "CapBnd:"] {
            let (_, rest) = ran.out.split_once(kind).expect("capabilities");
            let word = rest.split_whitespace().next().expect("a number");
            let has = u64::from_str_radix(word, 16).expect("a number");
            for number in GIVEN_UP {
                assert_eq!(has & (1 << number), 0, "{kind} {number}");
            }
        }
    });
}

#[test]
fn the_workstation_cannot_be_changed_from_a_sandbox() {
    let attacks = [
        "mount -o remount,bind,rw /proc/sys",
        "mount -o remount,bind,rw /sys",
        "mount -o remount,rw /sys",
        "umount -l /dev/null",
        "umount -l /proc",
        "mount -t devtmpfs none /mnt",
        "mknod /root/disk b 254 0",
        "date -s 2001-01-01",
        "echo 1 >/proc/sys/kernel/printk",
        "echo h >/proc/sysrq-trigger",
        "head -c 1 /proc/kcore | grep .",
        // By the first process lead ways to the program of the kitchen and to the rights of its maker.
        "chmod 4755 /proc/1/exe",
        "head -c 1 /proc/1/exe",
        "ls /proc/1/root/",
        "readlink /proc/1/fd/0",
        "nsenter --target 1 --user true",
        "nsenter --target 1 --mount true",
    ];
    on_each(|project, ordinary| {
        let refused = |attack: &str| {
            let ran = inside(project, attack);
            assert_ne!(ran.code, Some(0), "{}", ran.transcript());
        };
        attacks.iter().for_each(|attack| refused(attack));
        if ordinary {
            refused("mount -o remount,bind,rw /usr && touch /usr/kitchen-was-here");
            refused("mount -o remount,bind,rw /usr");
            refused("grep -v 'NoNewPrivs:.1' /proc/self/status | grep NoNewPrivs");
        }
    });
}

#[test]
fn what_tests_need_goes_on() {
    on_each(|project, ordinary| {
        let works = |script: &str| drop(inside(project, script).succeeds());
        works("mount -t tmpfs none /mnt && touch /mnt/x && umount /mnt");
        works("mkdir -p /run/a /run/b && mount --bind /run/a /run/b");
        works("ip link add d0 type dummy 2>/dev/null; ip address add 192.0.2.1/32 dev lo");
        works("nft list ruleset");
        works("echo x >/etc/marker && chmod 600 /etc/marker && cat /etc/marker");
        works("perl -MSocket -e 'socket(my $s, AF_INET, SOCK_RAW, 1) or die $!'");
        works("dpkg --list >/dev/null");
        if !ordinary {
            works(
                "touch /tmp/f && chown nobody /tmp/f && su nobody -s /bin/sh -c 'test -O /tmp/f'",
            );
            works("setpriv --reuid 33 --clear-groups id -u | grep 33");
        }
    });
}

/// A socket of the workstation that anybody may connect to; removed in the end.
struct Service(std::path::PathBuf);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sockets_of_the_workstation_in_shared_directories_lead_nowhere() {
    if !needs("root") {
        return;
    }
    on_each(|project, _| {
        for shared in ["/opt", "/usr/local"] {
            let name = format!("kitchen-test-{}", std::process::id());
            let service = Service(std::path::Path::new(shared).join(name));
            std::fs::create_dir(&service.0).unwrap();
            let path = service.0.join("socket");
            let listener = UnixListener::bind(&path).unwrap();
            for path in [&path, &service.0] {
                std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
            }
            let path = path.display();
            let connect = format!(
                "perl -MIO::Socket::UNIX -e 'print -e \"{path}\" ? \"seen;\" : \"unseen;\"; \
                 print IO::Socket::UNIX->new(\"{path}\") ? \"reached;\" : \"refused;\"'"
            );
            // What was made after the sandbox may be seen or not; it must not be reached.
            inside(project, &connect).succeeds().prints("refused;");
            project.kitchen("destroy").succeeds();
            project.kitchen("create").succeeds();
            inside(project, &connect).succeeds().prints("seen;refused;");
            drop(listener);
        }
    });
}
