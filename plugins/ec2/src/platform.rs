//! Common platforms: how their images are found and whom they let in. The owners' account numbers
//! and the patterns of names are facts that kitchen-ec2 collected (aws/standard_platform).

/// A family of systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// AlmaLinux.
    Alma,
    /// Amazon Linux, the first.
    Amazon,
    /// Amazon Linux 2.
    Amazon2,
    /// Amazon Linux 2023.
    Amazon2023,
    /// CentOS, CentOS Stream.
    Centos,
    /// Debian.
    Debian,
    /// Fedora.
    Fedora,
    /// FreeBSD.
    Freebsd,
    /// macOS.
    Macos,
    /// Red Hat Enterprise Linux.
    Rhel,
    /// Rocky Linux.
    Rocky,
    /// Ubuntu.
    Ubuntu,
    /// Windows Server.
    Windows,
}

/// A platform that is known by its name or its image's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Family.
    pub family: Family,
    /// `22.04`; none: the newest.
    pub version: Option<String>,
    /// `x86_64` or `arm64`, where it was said.
    pub architecture: Option<String>,
}

const ARCHITECTURES: [(&str, &str); 4] = [
    ("x86_64", "x86_64"),
    ("arm64", "arm64"),
    ("aarch64", "arm64"),
    ("i386", "i386"),
];

/// Releases of Debian whose images are named by their code names.
const DEBIANS: [(&str, &str); 4] = [
    ("9", "stretch"),
    ("8", "jessie"),
    ("7", "wheezy"),
    ("6", "squeeze"),
];

impl Platform {
    /// The platform that a name stands for: `ubuntu-22.04`, `debian-12-arm64`, `amazonlinux-2023`.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let (rest, architecture) = ARCHITECTURES
            .iter()
            .find_map(|(suffix, it)| Some((name.strip_suffix(&format!("-{suffix}"))?, Some(it))))
            .unwrap_or((&name, None));
        let (family, version) = rest.split_once('-').unwrap_or((rest, ""));
        let version = version.trim_start_matches("stream-");
        let (family, version) = match (family, version) {
            ("alma" | "almalinux", _) => (Family::Alma, version),
            ("amazon2" | "al2", _) => (Family::Amazon2, version),
            ("amazon2023" | "al2023", _) => (Family::Amazon2023, version),
            ("amazon" | "amazonlinux", "2") => (Family::Amazon2, ""),
            ("amazon" | "amazonlinux", "" | "2023") => (Family::Amazon2023, ""),
            ("amazon" | "amazonlinux", _) => (Family::Amazon, version),
            ("centos", _) => (Family::Centos, version),
            ("debian", _) => (Family::Debian, version.split('.').next().unwrap_or(version)),
            ("fedora", _) => (Family::Fedora, version),
            ("freebsd", _) => (Family::Freebsd, version),
            ("macos", _) => (Family::Macos, version),
            ("rhel" | "el" | "redhat", _) => (Family::Rhel, version),
            ("rocky" | "rockylinux", _) => (Family::Rocky, version),
            ("ubuntu", _) => (Family::Ubuntu, version),
            ("windows", _) => (Family::Windows, version.trim_start_matches("server-")),
            _ => return None,
        };
        let version = Some(version).filter(|it| !it.is_empty() && *it != "latest");
        Some(Self {
            family,
            version: version.map(Into::into),
            architecture: architecture.map(|it| (*it).into()),
        })
    }

    /// The platform that an image's name tells of.
    pub fn of_image(name: &str, architecture: Option<&str>) -> Option<Self> {
        let lower = name.to_lowercase();
        let marks = [
            ("almalinux os", Family::Alma),
            ("al2023-ami", Family::Amazon2023),
            ("amzn2-ami", Family::Amazon2),
            ("amzn-ami", Family::Amazon),
            ("amzn-ec2-macos", Family::Macos),
            ("centos", Family::Centos),
            ("debian", Family::Debian),
            ("fedora", Family::Fedora),
            ("freebsd", Family::Freebsd),
            ("rhel", Family::Rhel),
            ("rocky-", Family::Rocky),
            ("ubuntu", Family::Ubuntu),
            ("windows", Family::Windows),
        ];
        let (mark, family) = marks.iter().find(|(mark, _)| lower.contains(mark))?;
        // The last mention: Ubuntu's names begin with a path that has numbers too.
        let behind = lower.rsplit_once(mark).map_or("", |(_, behind)| behind);
        let code_name = DEBIANS.iter().find(|(_, code)| lower.contains(code));
        let version = match (family, code_name) {
            (Family::Debian, Some((version, _))) => Some((*version).to_owned()),
            _ => first_number(behind),
        };
        Some(Self {
            family: *family,
            version,
            architecture: architecture.map(Into::into),
        })
    }

    /// Filters of EC2's list of images that find it.
    pub fn search(&self) -> Vec<(&'static str, Vec<String>)> {
        let version = self.version.as_deref();
        let v = version.unwrap_or_default();
        let (owner, names) = match self.family {
            Family::Alma => ("764336703387", vec![format!("AlmaLinux OS {v}*")]),
            Family::Amazon => ("137112412989", vec![format!("amzn-ami-*-{v}*")]),
            Family::Amazon2 => ("137112412989", vec![format!("amzn2-ami-hvm-2.0.{v}*")]),
            Family::Amazon2023 => ("137112412989", vec![format!("al2023-ami-2023.{v}*")]),
            Family::Centos => (
                "125523088429",
                vec![
                    format!("CentOS {v}*"),
                    format!("CentOS-{v}*-GA-*"),
                    format!("CentOS Linux {v}*"),
                    format!("CentOS Stream {v}*"),
                ],
            ),
            Family::Debian => match DEBIANS.iter().find(|(number, _)| *number == v) {
                Some((_, code)) => ("379101102735", vec![format!("debian-{code}-*")]),
                None if v.is_empty() => ("136693071363", vec!["debian-*".into()]),
                None => ("136693071363", vec![format!("debian-{v}-*")]),
            },
            Family::Fedora => (
                "125523088429",
                vec![match version {
                    Some(v) => format!("Fedora-Cloud-Base-{v}-*"),
                    None => "Fedora-Cloud-Base-*".into(),
                }],
            ),
            Family::Freebsd => (
                "118940168514",
                vec![
                    format!("FreeBSD {v}*-RELEASE*"),
                    format!("FreeBSD/EC2 {v}*-RELEASE*"),
                ],
            ),
            Family::Macos => ("100343932686", vec![format!("amzn-ec2-macos-{v}*")]),
            Family::Rhel => ("309956199498", vec![format!("RHEL-{v}*")]),
            Family::Rocky => ("792107900819", vec![format!("Rocky-{v}*")]),
            Family::Ubuntu => (
                "099720109477",
                vec![format!("ubuntu/images/*/ubuntu-*-{v}*")],
            ),
            Family::Windows => {
                return self.with_architecture(("owner-alias", "amazon"), windows(v));
            }
        };
        self.with_architecture(("owner-id", owner), names)
    }

    fn with_architecture(
        &self,
        (key, owner): (&'static str, &str),
        names: Vec<String>,
    ) -> Vec<(&'static str, Vec<String>)> {
        let mut search = vec![(key, vec![owner.to_owned()]), ("name", names)];
        if let Some(architecture) = &self.architecture {
            let mac = self.family == Family::Macos && architecture == "arm64";
            let architecture = if mac { "arm64_mac" } else { architecture };
            search.push(("architecture", vec![architecture.to_owned()]));
        }
        search
    }

    /// Who may log in.
    pub fn username(&self) -> &'static str {
        let before = |major| self.numbers().first().is_some_and(|it| *it < major);
        match self.family {
            Family::Debian => "admin",
            Family::Ubuntu => "ubuntu",
            Family::Fedora => "fedora",
            Family::Rocky => "rocky",
            Family::Windows => "administrator",
            Family::Centos if before(9) => "centos",
            Family::Rhel if self.numbers() < vec![6, 4] && self.version.is_some() => "root",
            _ => "ec2-user",
        }
    }

    /// The version as numbers, to sort by.
    pub fn numbers(&self) -> Vec<u32> {
        let version = self.version.as_deref().unwrap_or_default();
        let parts = version.split(|c: char| !c.is_ascii_digit());
        parts.filter_map(|part| part.parse().ok()).collect()
    }
}

/// Names of Windows' images; releases before 2016 have revisions and service packs.
fn windows(version: &str) -> Vec<String> {
    let digits = version.find(|c: char| !c.is_ascii_digit());
    let (year, rest) = version.split_at(digits.unwrap_or(version.len()));
    match (year, year.parse::<u32>()) {
        ("", _) => vec!["Windows_Server-*-English-Full-Base-*".into()],
        (_, Ok(1700..1900)) => vec![format!(
            "Windows_Server-{year}-English-Core-ContainersLatest-*"
        )],
        (_, Ok(2016..)) => vec![format!("Windows_Server-{year}-English-Full-Base-*")],
        _ => {
            let revision = rest.split("sp").next().unwrap_or_default();
            let revision = revision.trim_end_matches("rtm").to_uppercase();
            let pack = match rest.split_once("sp") {
                Some((_, number)) => vec![format!("SP{number}")],
                None if rest.ends_with("rtm") => vec!["RTM".into()],
                None => vec!["RTM".into(), "SP*".into()],
            };
            let revision = match revision.as_str() {
                "" => String::new(),
                revision => format!("{revision}_"),
            };
            let name = |pack| format!("Windows_Server-{year}-{revision}{pack}-English-*-Base-*");
            pack.into_iter().map(name).collect()
        }
    }
}

/// The first number of a text, with what follows behind points: `22.04`.
fn first_number(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number: String = text[start..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    Some(number.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(platform: &str) -> Vec<String> {
        let search = Platform::of_name(platform).unwrap().search();
        search
            .into_iter()
            .find(|(key, _)| *key == "name")
            .unwrap()
            .1
    }

    #[test]
    fn common_names_have_a_search() {
        for (platform, name) in [
            ("ubuntu-22.04", "ubuntu/images/*/ubuntu-*-22.04*"),
            ("ubuntu", "ubuntu/images/*/ubuntu-*-*"),
            ("debian-12", "debian-12-*"),
            ("debian-9.1", "debian-stretch-*"),
            ("rhel-9", "RHEL-9*"),
            ("almalinux-9", "AlmaLinux OS 9*"),
            ("rockylinux-9", "Rocky-9*"),
            ("fedora-41", "Fedora-Cloud-Base-41-*"),
            ("amazon", "al2023-ami-2023.*"),
            ("amazonlinux-2023", "al2023-ami-2023.*"),
            ("amazon-2", "amzn2-ami-hvm-2.0.*"),
            ("amazon2", "amzn2-ami-hvm-2.0.*"),
            ("amazon-2018.03", "amzn-ami-*-2018.03*"),
            ("windows-2022", "Windows_Server-2022-English-Full-Base-*"),
            ("windows", "Windows_Server-*-English-Full-Base-*"),
            (
                "windows-2008r2sp1",
                "Windows_Server-2008-R2_SP1-English-*-Base-*",
            ),
        ] {
            assert_eq!(names(platform)[0], name, "{platform}");
        }
        let stream = names("centos-stream-9");
        assert!(stream.contains(&"CentOS Stream 9*".into()), "{stream:?}");
        assert_eq!(Platform::of_name("solaris-11"), None);
    }

    #[test]
    fn an_architecture_is_asked_for_where_it_is_named() {
        let search = Platform::of_name("debian-12-arm64").unwrap().search();
        assert!(search.contains(&("architecture", vec!["arm64".into()])));
        let search = Platform::of_name("macos-14-arm64").unwrap().search();
        assert!(search.contains(&("architecture", vec!["arm64_mac".into()])));
        let search = Platform::of_name("debian-12").unwrap().search();
        assert!(search.iter().all(|(key, _)| *key != "architecture"));
    }

    #[test]
    fn an_image_tells_who_may_log_in() {
        for (image, user, numbers) in [
            (
                "ubuntu/images/hvm-ssd-gp3/ubuntu-jammy-22.04-amd64-server-20230101",
                "ubuntu",
                vec![22, 4],
            ),
            ("debian-12-amd64-20240101-1", "admin", vec![12]),
            ("debian-jessie-amd64-hvm-2016", "admin", vec![8]),
            ("CentOS Stream 9 x86_64 20230101", "ec2-user", vec![9]),
            ("CentOS Linux 7 x86_64 HVM EBS", "centos", vec![7]),
            (
                "RHEL-9.3.0_HVM-20240101-x86_64-1-Hourly2-GP3",
                "ec2-user",
                vec![9, 3, 0],
            ),
            ("RHEL-6.3_GA-x86_64", "root", vec![6, 3]),
            (
                "al2023-ami-2023.5.20240101.0-kernel-6.1-x86_64",
                "ec2-user",
                vec![2023, 5, 20240101, 0],
            ),
            ("Rocky-9-EC2-Base-9.3-20231113.0.x86_64", "rocky", vec![9]),
            (
                "Windows_Server-2022-English-Full-Base-2024.01.01",
                "administrator",
                vec![2022],
            ),
        ] {
            let platform = Platform::of_image(image, None).unwrap();
            assert_eq!(
                (platform.username(), platform.numbers()),
                (user, numbers),
                "{image}"
            );
        }
        assert_eq!(Platform::of_image("my-own-image", None), None);
    }
}
