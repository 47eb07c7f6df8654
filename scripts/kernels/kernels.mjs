// The kernels of the matrix. The newest package that fits is taken; one that the mirror lacks is said and left out.
//   name     what the table calls it
//   arch     of Debian
//   package  of which name, in any suite that `SUITES` in packages.mjs lists
//   cpu      QEMU's model: five levels of page tables with la57=on, 52-bit addresses with arm64's max
//   cgroup   v1, hybrid or v2
//   ram      MiB
//   append   further words of the kernel's command line
//   noTypes  the kernel's own types are wiped from the images, or never were there; they are read from its vmlinux with DWARF,
//            of its package of debug information where it is Debian's own
// A kernel of your own needs no package: `deb` is the path of one that `make bindeb-pkg` made. With `source` it is built from that
// package by `compiler`, with what `configs` in config/ ask for; it takes a quarter of an hour.
const amd64 = { arch: 'amd64', cpu: 'max,la57=off', cgroup: 'v2', ram: 320 }
const arm64 = { arch: 'arm64', cpu: 'neoverse-n1', cgroup: 'v2', ram: 384 }

export const KERNELS = [
  { ...amd64, name: '5.10 cloud, cgroup v1', package: /^linux-image-5\.10\.0-\d+-cloud-amd64$/, cgroup: 'v1' },
  {
    ...amd64,
    name: '5.10 cloud, no BTF',
    package: /^linux-image-5\.10\.0-\d+-cloud-amd64$/,
    cgroup: 'v1',
    noTypes: true,
  },
  { ...amd64, name: '5.10 real-time, hybrid', package: /^linux-image-5\.10\.0-\d+-rt-amd64$/, cgroup: 'hybrid' },
  { ...amd64, name: '6.1 cloud', package: /^linux-image-6\.1\.0-\d+-cloud-amd64$/ },
  { ...amd64, name: '6.1 generic, hybrid', package: /^linux-image-6\.1\.0-\d+-amd64$/, cgroup: 'hybrid' },
  { ...amd64, name: '6.1 real-time', package: /^linux-image-6\.1\.0-\d+-rt-amd64$/ },
  {
    ...amd64,
    name: '6.12 cloud, 5 levels',
    package: /^linux-image-6\.12\.\d+\+deb13-cloud-amd64$/,
    cpu: 'max,la57=on',
  },
  { ...amd64, name: '6.12 real-time, cgroup v1', package: /^linux-image-6\.12\.\d+\+deb13-rt-amd64$/, cgroup: 'v1' },
  {
    ...amd64,
    name: '6.12 built, structs shuffled',
    source: 'linux-source-6.12',
    // An older clang lays out shuffled structs wrong, and pahole cannot read what GCC says of them.
    compiler: 'clang-16',
    configs: ['guest', 'randstruct'],
  },
  {
    ...amd64,
    name: '6.12 built, no BTF',
    source: 'linux-source-6.12',
    compiler: 'gcc',
    configs: ['guest', 'no-btf'],
    noTypes: true,
  },
  { ...amd64, name: '6.16 cloud', package: /^linux-image-6\.16\.\d+\+deb13-cloud-amd64$/ },
  { ...amd64, name: '6.17 cloud', package: /^linux-image-6\.17\.\d+\+deb13-cloud-amd64$/ },
  { ...amd64, name: '6.18 cloud', package: /^linux-image-6\.18\.\d+\+deb13-cloud-amd64$/ },
  { ...amd64, name: '6.19 generic', package: /^linux-image-6\.19\.\d+\+deb13-amd64$/ },
  { ...amd64, name: '7.0 cloud', package: /^linux-image-7\.0\.\d+\+deb13-cloud-amd64$/ },
  { ...amd64, name: '7.1 real-time', package: /^linux-image-7\.1\.\d+\+deb13-rt-amd64$/ },
  { ...amd64, name: '7.2 cloud', package: /^linux-image-7\.2\.\d+\+deb13-cloud-amd64$/ },
  { ...amd64, name: '7.3 cloud, 5 levels', package: /^linux-image-7\.3\.\d+\+deb13-cloud-amd64$/, cpu: 'max,la57=on' },
  { ...arm64, name: '5.10 arm64 cloud, cgroup v1', package: /^linux-image-5\.10\.0-\d+-cloud-arm64$/, cgroup: 'v1' },
  { ...arm64, name: '6.1 arm64 cloud', package: /^linux-image-6\.1\.0-\d+-cloud-arm64$/ },
  { ...arm64, name: '6.12 arm64 cloud', package: /^linux-image-6\.12\.\d+\+deb13-cloud-arm64$/ },
  { ...arm64, name: '6.12 arm64, 16 KiB', package: /^linux-image-6\.12\.\d+\+deb13-arm64-16k$/ },
  { ...arm64, name: '7.3 arm64 cloud, 52 bits', package: /^linux-image-7\.3\.\d+\+deb13-cloud-arm64$/, cpu: 'max' },
  { ...arm64, name: '7.3 arm64, 16 KiB', package: /^linux-image-7\.3\.\d+\+deb13-arm64-16k$/, cpu: 'max' },
]
