//! Which package holds the debug information of a kernel, by the banner alone: what an analyst has to fetch.

/// A distribution, by what its kernels' banners have in them, and where their debug information is.
struct Distribution {
    /// All of these stand in a banner. The first row of which that is so counts.
    signs: &'static [&'static str],
    names: fn(&Banner) -> Option<Names>,
    place: Place,
}

/// Where debug information is: `{release}` is the kernel's own, the others are [`Names`].
enum Place {
    /// In an RPM package as all of that family have it, of this distribution.
    Rpm(&'static str),
    Told(&'static str),
}

/// What a banner says, part by part.
struct Banner<'a> {
    release: &'a str,
    /// What follows `#`: the number of the build first.
    build: &'a str,
}

/// How packages of a kernel are called.
#[derive(Default)]
struct Names {
    /// What their names begin with.
    kernel: String,
    /// Their version.
    version: String,
}

const RPM: &str = "usr/lib/debug/lib/modules/{release}/vmlinux of {kernel}-debuginfo-{version}";

const DISTRIBUTIONS: [Distribution; 16] = [
    Distribution {
        signs: &["-Ubuntu "],
        names: ubuntu,
        place: Place::Told(
            "usr/lib/debug/boot/vmlinux-{release} of linux-image-unsigned-{release}-dbgsym (or \
             linux-image-{release}-dbgsym), version {version}, from Ubuntu's ddebs.ubuntu.com",
        ),
    },
    Distribution {
        signs: &[" Debian "],
        names: debian,
        place: Place::Told(
            "usr/lib/debug/boot/vmlinux-{release} of linux-image-{release}-dbg, version {version}, from Debian or \
             snapshot.debian.org",
        ),
    },
    Distribution { signs: &[".amzn2023."], names: amazon, place: Place::Rpm("Amazon Linux 2023") },
    Distribution { signs: &[".amzn2."], names: rpm, place: Place::Rpm("Amazon Linux 2") },
    Distribution { signs: &[".amzn1."], names: rpm, place: Place::Rpm("Amazon Linux") },
    Distribution { signs: &[".fc", "(mockbuild@"], names: rpm, place: Place::Rpm("Fedora") },
    Distribution { signs: &["uek."], names: rpm, place: Place::Rpm("Oracle Linux") },
    Distribution { signs: &[".el", "rockylinux.org"], names: rpm, place: Place::Rpm("Rocky Linux") },
    Distribution { signs: &[".el", "almalinux.org"], names: rpm, place: Place::Rpm("AlmaLinux") },
    Distribution { signs: &[".el", "centos.org"], names: rpm, place: Place::Rpm("CentOS") },
    Distribution { signs: &[".el", "redhat.com"], names: rpm, place: Place::Rpm("Red Hat Enterprise Linux") },
    Distribution { signs: &[".el", "(mockbuild@"], names: rpm, place: Place::Rpm("the rebuild of RHEL that it is of") },
    Distribution {
        signs: &["(geeko@buildhost)"],
        names: suse,
        place: Place::Told(
            "usr/lib/debug/boot/vmlinux-{release}.debug of {kernel}-debuginfo-{version}, from SUSE's debug repository",
        ),
    },
    Distribution {
        signs: &["-Alpine "],
        names: alpine,
        place: Place::Told(
            "Alpine has no package with debug information: boot/System.map-{release} of {kernel}={version}, and with it \
             /sys/kernel/btf/vmlinux of a host with this kernel or vmlinux of one built from the same aport",
        ),
    },
    Distribution {
        signs: &["-flatcar "],
        names: number,
        place: Place::Told(
            "usr/lib/debug/usr/boot/vmlinux-{release} of the binary package sys-kernel/coreos-kernel-{version} of that Flatcar \
             release",
        ),
    },
    Distribution {
        signs: &["@buildkitsandbox) ", "uildroot "],
        names: number,
        place: Place::Told(
            "Bottlerocket has no package with debug information: lib/modules/{release}/System.map and a copy of \
             /sys/kernel/btf/vmlinux, as root, of a node of the same variant and version",
        ),
    },
];
/// Container-Optimized OS has no word of its own but its compiler's, which others have too.
const COS: Distribution = Distribution {
    signs: &["+ (builder@", " (Chromium OS "],
    names: number,
    place: Place::Told(
        "vmlinux of that build of Container-Optimized OS, gs://cos-tools/BUILD_ID/vmlinux, where BUILD_ID is the one in \
         the host's /etc/os-release",
    ),
};

/// What to fetch for a kernel of which types or symbols are missing, and how to hand it in: one line.
pub fn advice(banner: &str, build_id: Option<&str>) -> String {
    let build = build_id.map_or_else(String::new, |id| format!(", build id {id}"));
    let exact =
        "a vmlinux with debug information of exactly this build, or System.map and a copy of /sys/kernel/btf/vmlinux";
    format!("give by --symbols: {}{build}", package(banner).as_deref().unwrap_or(exact))
}

fn package(text: &str) -> Option<String> {
    let build = text.split_once(" #").map_or("", |(_, build)| build);
    let banner = Banner { release: text.split(' ').nth(2)?, build };
    let mut all = DISTRIBUTIONS.iter().chain([&COS]);
    let known = all.find(|distribution| distribution.signs.iter().all(|sign| text.contains(sign)))?;
    let Names { kernel, version } = (known.names)(&banner)?;
    let place = match known.place {
        Place::Rpm(distribution) => format!("{RPM}, from {distribution}"),
        Place::Told(place) => place.to_owned(),
    };
    Some(place.replace("{release}", banner.release).replace("{kernel}", &kernel).replace("{version}", &version))
}

/// `5.4.0-150-generic` and `#167~18.04.1-Ubuntu`: 5.4.0-150.167~18.04.1.
fn ubuntu(banner: &Banner) -> Option<Names> {
    let (abi, _) = banner.release.rsplit_once('-')?;
    let (upload, _) = banner.build.split_once("-Ubuntu")?;
    Some(Names { version: format!("{abi}.{upload}"), ..Names::default() })
}

/// `#1 SMP Debian 6.1.192-2 (2026-11-16)`.
fn debian(banner: &Banner) -> Option<Names> {
    let (_, version) = banner.build.split_once(" Debian ")?;
    Some(Names { version: version.split(' ').next()?.to_owned(), ..Names::default() })
}

/// `5.14.0-427.13.1.el9_4.x86_64+rt`: what stands behind tells which of the kernels of one version it is. Until version 8 the
/// real-time one has a release of its own.
fn rpm(banner: &Banner) -> Option<Names> {
    let (version, variant) = banner.release.split_once('+').unwrap_or((banner.release, ""));
    let variant = match variant {
        "" if version.contains("uek.") => "-uek",
        "" if version.contains(".rt") => "-rt",
        "" => "",
        variant => return Some(Names { kernel: format!("kernel-{variant}"), version: version.to_owned() }),
    };
    Some(Names { kernel: format!("kernel{variant}"), version: version.to_owned() })
}

/// Kernels that came after the first have their series in the package's name: `kernel6.12`.
fn amazon(banner: &Banner) -> Option<Names> {
    let mut numbers = banner.release.split('.');
    let series = format!("{}.{}", numbers.next()?, numbers.next()?);
    let kernel = if series == "6.1" { "kernel".to_owned() } else { format!("kernel{series}") };
    Some(Names { kernel, version: banner.release.to_owned() })
}

/// `5.14.21-150400.24.21-default`.
fn suse(banner: &Banner) -> Option<Names> {
    let (version, flavour) = banner.release.rsplit_once('-')?;
    Some(Names { kernel: format!("kernel-{flavour}"), version: version.to_owned() })
}

/// `6.6.94-0-lts`: 6.6.94-r0.
fn alpine(banner: &Banner) -> Option<Names> {
    let (version, flavour) = banner.release.rsplit_once('-')?;
    let (version, build) = version.rsplit_once('-')?;
    Some(Names { kernel: format!("linux-{flavour}"), version: format!("{version}-r{build}") })
}

/// The version of the kernel and nothing else.
fn number(banner: &Banner) -> Option<Names> {
    let version = banner.release.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    Some(Names { version, ..Names::default() })
}

#[cfg(test)]
mod tests {
    use super::advice;

    /// Banners of kernels that were run, with what has to be in the advice.
    const KNOWN: [(&str, &[&str]); 22] = [
        (
            "Linux version 4.19.0-27-amd64 (debian-kernel@lists.debian.org) (gcc version 8.3.0 (Debian 8.3.0-6)) #1 SMP \
             Debian 4.19.316-1 (2024-06-25)",
            &["boot/vmlinux-4.19.0-27-amd64 of linux-image-4.19.0-27-amd64-dbg, version 4.19.316-1", "Debian"],
        ),
        (
            "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, \
             GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
            &["linux-image-6.1.0-56-cloud-amd64-dbg, version 6.1.192-2"],
        ),
        (
            "Linux version 5.4.0-150-generic (buildd@bos03-amd64-012) (gcc version 7.5.0 (Ubuntu 7.5.0-3ubuntu1~18.04)) \
             #167~18.04.1-Ubuntu SMP Wed May 24 00:51:42 UTC 2023 (Ubuntu 5.4.0-150.167~18.04.1-generic 5.4.233)",
            &["linux-image-unsigned-5.4.0-150-generic-dbgsym", "version 5.4.0-150.167~18.04.1,", "ddebs"],
        ),
        (
            "Linux version 6.8.0-100-generic (buildd@lcy02-amd64-008) (x86_64-linux-gnu-gcc-12 (Ubuntu \
             12.3.0-1ubuntu1~22.04.2) 12.3.0, GNU ld (GNU Binutils for Ubuntu) 2.38) #100-Ubuntu SMP PREEMPT_DYNAMIC Tue \
             Jan 13 16:40:06 UTC 2026",
            &["linux-image-unsigned-6.8.0-100-generic-dbgsym", "version 6.8.0-100.100,"],
        ),
        (
            "Linux version 6.7.4-100.fc38.x86_64 (mockbuild@68dbdffd8a2b4619991006cfcbec2871) (gcc (GCC) 13.2.1 20231011 \
             (Red Hat 13.2.1-4), GNU ld version 2.39-16.fc38) #1 SMP PREEMPT_DYNAMIC Mon Feb  5 22:19:06 UTC 2024",
            &["modules/6.7.4-100.fc38.x86_64/vmlinux of kernel-debuginfo-6.7.4-100.fc38.x86_64, from Fedora"],
        ),
        (
            "Linux version 4.18.0-193.el8.x86_64 (mockbuild@x86-vm-08.build.eng.bos.redhat.com) (gcc version 8.3.1 20191121 \
             (Red Hat 8.3.1-5) (GCC)) #1 SMP Fri Mar 27 14:35:58 UTC 2020",
            &["of kernel-debuginfo-4.18.0-193.el8.x86_64, from Red Hat"],
        ),
        (
            "Linux version 3.10.0-1160.el7.x86_64 (mockbuild@kbuilder.bsys.centos.org) (gcc version 4.8.5 20150623 (Red Hat \
             4.8.5-44) (GCC) ) #1 SMP Mon Oct 19 16:18:59 UTC 2020",
            &["of kernel-debuginfo-3.10.0-1160.el7.x86_64, from CentOS"],
        ),
        (
            "Linux version 4.18.0-513.24.1.el8_9.x86_64 (mockbuild@iad1-prod-build001.bld.equ.rockylinux.org) (gcc version \
             8.5.0 20210514 (Red Hat 8.5.0-20) (GCC)) #1 SMP Thu Apr 4 18:13:02 UTC 2024",
            &["of kernel-debuginfo-4.18.0-513.24.1.el8_9.x86_64, from Rocky Linux"],
        ),
        (
            "Linux version 5.14.0-362.8.1.el9_3.x86_64 (mockbuild@x64-builder02.almalinux.org) (gcc (GCC) 11.4.1 20230605 \
             (Red Hat 11.4.1-2), GNU ld version 2.35.2-42.el9) #1 SMP PREEMPT_DYNAMIC Tue Nov 7 14:54:22 EST 2023",
            &["of kernel-debuginfo-5.14.0-362.8.1.el9_3.x86_64, from AlmaLinux"],
        ),
        (
            "Linux version 4.18.0-477.10.1.rt7.274.el8_8.x86_64 (mockbuild@x86-vm-07.build.eng.bos.redhat.com) (gcc version \
             8.5.0 20210514 (Red Hat 8.5.0-18) (GCC)) #1 SMP PREEMPT_RT Wed Apr 5 13:51:08 EDT 2023",
            &["of kernel-rt-debuginfo-4.18.0-477.10.1.rt7.274.el8_8.x86_64"],
        ),
        (
            "Linux version 5.14.0-427.13.1.el9_4.x86_64+rt (mockbuild@x86-vm-09.build.eng.bos.redhat.com) (gcc (GCC) 11.4.1 \
             20231218 (Red Hat 11.4.1-3), GNU ld version 2.35.2-43.el9) #1 SMP PREEMPT_RT Wed Apr 10 10:46:13 EDT 2024",
            &["modules/5.14.0-427.13.1.el9_4.x86_64+rt/vmlinux of kernel-rt-debuginfo-5.14.0-427.13.1.el9_4.x86_64,"],
        ),
        (
            "Linux version 5.15.0-206.153.7.1.el8uek.x86_64 (mockbuild@host-100-100-224-14) (gcc (GCC) 11.4.1 20230605 (Red \
             Hat 11.4.1-2.1.0.1), GNU ld version 2.36.1-4.0.2.el8_6) #2 SMP Wed May 22 20:49:34 PDT 2024",
            &["of kernel-uek-debuginfo-5.15.0-206.153.7.1.el8uek.x86_64, from Oracle"],
        ),
        (
            "Linux version 4.14.55-84.37.amzn2.x86_64 (mockbuild@ip-10-0-1-79) (gcc version 7.3.1 20180303 (Red Hat 7.3.1-5) \
             (GCC)) #1 SMP Wed Jul 25 18:47:15 UTC 2018",
            &["of kernel-debuginfo-4.14.55-84.37.amzn2.x86_64, from Amazon Linux 2"],
        ),
        (
            "Linux version 6.1.102-108.177.amzn2023.x86_64 (mockbuild@ip-10-0-40-38) (gcc (GCC) 11.4.1 20230605 (Red Hat \
             11.4.1-2), GNU ld version 2.39-6.amzn2023.0.10) #1 SMP PREEMPT_DYNAMIC Thu Aug 15 02:44:38 UTC 2024",
            &["of kernel-debuginfo-6.1.102-108.177.amzn2023.x86_64, from Amazon Linux 2023"],
        ),
        (
            "Linux version 6.12.22-27.96.amzn2023.aarch64 (mockbuild@ip-10-0-40-38) (gcc (GCC) 11.5.0 20240719 (Red Hat \
             11.5.0-5), GNU ld version 2.41-50.amzn2023.0.2) #1 SMP Mon Apr 28 18:53:02 UTC 2025",
            &["of kernel6.12-debuginfo-6.12.22-27.96.amzn2023.aarch64"],
        ),
        (
            "Linux version 5.14.21-150400.24.21-default (geeko@buildhost) (gcc (SUSE Linux) 7.5.0, GNU ld (GNU Binutils; \
             SUSE Linux Enterprise 15) 2.37.20211103-150100.7.37) #1 SMP PREEMPT_DYNAMIC Wed Sep 7 06:51:18 UTC 2022 (974d0aa)",
            &[
                "boot/vmlinux-5.14.21-150400.24.21-default.debug of kernel-default-debuginfo-5.14.21-150400.24.21, from SUSE",
            ],
        ),
        (
            "Linux version 6.6.94-0-lts (buildozer@build-3-20-x86_64) (gcc (Alpine 13.2.1_git20240309) 13.2.1 20240309, GNU \
             ld (GNU Binutils) 2.42) #1-Alpine SMP PREEMPT_DYNAMIC 2025-06-23 15:38:39",
            &["Alpine has no package", "System.map-6.6.94-0-lts of linux-lts=6.6.94-r0"],
        ),
        (
            "Linux version 4.14.52-0-virt (buildozer@build-3-8-x86) (gcc version 6.4.0 (Alpine 6.4.0)) #1-Alpine SMP Tue \
             Jun 26 07:14:31 UTC 2018",
            &["System.map-4.14.52-0-virt of linux-virt=4.14.52-r0"],
        ),
        (
            "Linux version 6.12.58-flatcar (build@pony-truck.infra.kinvolk.io) (x86_64-cros-linux-gnu-gcc (Gentoo Hardened \
             14.3.0 p8) 14.3.0, GNU ld (Gentoo 2.44 p1) 2.44.0) #1 SMP PREEMPT_DYNAMIC Tue Nov 18 17:10:41 -00 2025",
            &["usr/boot/vmlinux-6.12.58-flatcar of the binary package sys-kernel/coreos-kernel-6.12.58 of"],
        ),
        (
            "Linux version 5.4.38 (builder@buildkitsandbox) (gcc version 9.3.0 (Buildroot 2020.02.2)) #1 SMP Thu May 14 \
             00:04:49 UTC 2020",
            &["Bottlerocket has no package", "lib/modules/5.4.38/System.map", "btf/vmlinux"],
        ),
        (
            "Linux version 5.4.120+ (builder@cc55534de813) (Chromium OS 12.0_pre408248_p20201125-r7 clang version 12.0.0) #1 \
             SMP Wed Sep 29 14:48:45 PDT 2021",
            &["Container-Optimized OS", "cos-tools"],
        ),
        (
            "Linux version 6.6.0-custom (me@desk) (gcc (GCC) 13.2.0, GNU ld 2.41) #7 SMP PREEMPT_DYNAMIC Thu Jan  4 12:00:00 \
             CET 2024",
            &["a vmlinux with debug information of exactly this build"],
        ),
    ];

    #[test]
    fn a_banner_tells_the_package() {
        for (banner, parts) in KNOWN {
            let advice = advice(banner, Some("ab12"));
            for part in parts {
                assert!(advice.contains(part), "{advice}\nlacks {part}");
            }
            assert!(advice.contains("--symbols") && advice.ends_with(", build id ab12"), "{advice}");
            assert!(!advice.contains(['{', '}', '\n']), "{advice}");
        }
    }

    #[test]
    fn what_a_banner_lacks_is_not_made_up() {
        for banner in ["", "Linux version", "Linux version 5.4.0 (x) #1-Ubuntu SMP", "Linux version x- Debian ", " #"] {
            assert!(advice(banner, None).starts_with("give by --symbols: a vmlinux"), "{banner}");
        }
    }
}
