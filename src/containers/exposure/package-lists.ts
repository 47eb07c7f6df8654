/** Lists of installed packages that are plain text, as distributions of nodes keep them. */

import { list, parseObject, text } from '../json.js'

/** What is installed, as its list says it. */
export interface Installed {
  readonly name: string
  readonly version: string
}

interface PackageList {
  readonly path: string
  read(content: string): Installed[]
}

/** Packages of one list: no distribution has so many. */
const MOST_PACKAGES = 200_000

/** Paragraphs of `Name: value` (deb-control(5), dpkg(1)). */
function dpkg(content: string): Installed[] {
  return paragraphs(content).flatMap((paragraph) => {
    if (!/^Status: install ok installed$/m.test(paragraph.slice(0, 1024))) return []
    const name = /^Package: (\S{1,128})$/m.exec(paragraph.slice(0, 512))?.[1]
    const version = /^Version: (\S{1,128})$/m.exec(paragraph.slice(0, 4096))?.[1]
    return name === undefined || version === undefined ? [] : [{ name, version }]
  })
}

/** Paragraphs of `P:name` and `V:version` (apk_spec(5)): what is in the list is installed. */
function apk(content: string): Installed[] {
  return paragraphs(content).flatMap((paragraph) => {
    const name = /^P:(\S{1,128})$/m.exec(paragraph.slice(0, 1024))?.[1]
    const version = /^V:(\S{1,128})$/m.exec(paragraph.slice(0, 1024))?.[1]
    return name === undefined || version === undefined ? [] : [{ name, version }]
  })
}

/** What dnf did, in order: the last word on a package counts (dnf/yum/rpmtrans.py writes `Installed: name-version.arch`). */
function dnf(content: string): Installed[] {
  const line =
    /(Installed|Upgrade|Upgraded|Erase|Erased|Removed): (?:\d{1,4}:)?([\w.+-]{1,128})-(?:\d{1,4}:)?([\w.+~^]{1,64}-[\w.+~^]{1,64})\.\w{1,16}$/
  const known = new Map<string, string>()
  for (const each of content.split('\n').slice(-MOST_PACKAGES)) {
    const [, what = '', name = '', version = ''] = line.exec(each.slice(0, 512)) ?? []
    if (what === 'Installed' || what === 'Upgrade') known.set(name, version)
    // What was upgraded is named by the version that went.
    else if (what !== '' && known.get(name) === version) known.delete(name)
  }
  return [...known].map(([name, version]) => ({ name, version }))
}

/** `{"Content":[{"Name":…,"Version":…}]}` of Bottlerocket. */
function bottlerocket(content: string): Installed[] {
  return entries(content, 'Content', 'Name', 'Version')
}

/** `{"installedPackages":[{"name":…,"version":…}]}` of Container-Optimized OS. */
function cos(content: string): Installed[] {
  return entries(content, 'installedPackages', 'name', 'version')
}

function entries(content: string, of: string, name: string, version: string): Installed[] {
  const { value } = parseObject(content, of)
  return list(value, of)
    .slice(0, MOST_PACKAGES)
    .flatMap((entry) => {
      const found = { name: text(entry, name), version: text(entry, version) }
      return found.name === null || found.version === null ? [] : [{ name: found.name, version: found.version }]
    })
}

function paragraphs(content: string): string[] {
  return content.split('\n\n', MOST_PACKAGES)
}

export const PACKAGE_LISTS: readonly PackageList[] = [
  { path: '/var/lib/dpkg/status', read: dpkg },
  { path: '/lib/apk/db/installed', read: apk },
  { path: '/usr/lib/apk/db/installed', read: apk },
  { path: '/usr/share/bottlerocket/application-inventory.json', read: bottlerocket },
  { path: '/etc/cos-package-info.json', read: cos },
  { path: '/var/log/dnf.rpm.log', read: dnf },
]
