/** Credentials against /proc/PID/status, attr/current, uid_map and loginuid of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type Table, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Credentials {
  pid: number
  comm: string
  kthread?: boolean
  uids: number[]
  gids: number[]
  groups: number[]
  caps: Record<string, string>
  seccomp: string
  seccomp_filters: string | null
  no_new_privs: string
  apparmor: string
  uid_map: string
  gid_map: string
  loginuid: number
  sessionid: number
}

const UNSET = 0xffffffff
const TASK = 'struct task_struct'

/** CAP_CHOWN is the first. */
function names(mask: string): unknown {
  const bits = [...BigInt(`0x${mask}`).toString(2)].reverse()
  return expect.toSatisfy(
    (list: string[]) =>
      list.length === bits.filter((bit) => bit === '1').length && list.includes('CAP_CHOWN') === (bits[0] === '1'),
    mask,
  )
}

function lines(map: string): string[] {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
}

function wanted(of: Credentials): Record<string, unknown> {
  const [uid, euid, suid, fsuid] = of.uids
  const [gid, egid, sgid, fsgid] = of.gids
  return {
    ...{ uid, euid, suid, fsuid, gid, egid, sgid, fsgid },
    groups: of.groups.map(String),
    cap_inheritable: names(of.caps.CapInh ?? ''),
    cap_permitted: names(of.caps.CapPrm ?? ''),
    cap_effective: names(of.caps.CapEff ?? ''),
    cap_bounding: names(of.caps.CapBnd ?? ''),
    cap_ambient: names(of.caps.CapAmb ?? ''),
    seccomp: ['disabled', 'strict', 'filter'][Number(of.seccomp)],
    ...(of.seccomp_filters === null ? {} : { seccomp_filters: Number(of.seccomp_filters) }),
    no_new_privs: of.no_new_privs === '1',
    label: of.apparmor,
    uid_map: lines(of.uid_map),
    gid_map: lines(of.gid_map),
    login_uid: of.loginuid === UNSET ? null : of.loginuid,
    session_id: of.sessionid === UNSET ? null : of.sessionid,
    overridden: false,
    shared_with: 0,
  }
}

const sampled = samples().filter((image) => image.has('credentials.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  let read: Table | undefined
  const rows = () => {
    read ??= table('credentials', image.as(own))
    return read.rows
  }

  describe(image.title, () => {
    image.require()

    it('has what /proc said of every process', () => {
      const found = new Map(rows().map((row) => [row.pid, row]))
      expect(found.size).toBe(rows().length)
      const recorded = image.parts<Credentials>('credentials.json')
      for (const process of recorded) expect(found.get(process.pid), process.comm).toMatchObject(wanted(process))
      expect(recorded.length).toBeGreaterThan(image.has('credentials.json') ? 5 : 100)
    })
  })
}

for (const image of sharedImages().filter(({ name }) => name === 'docker-debian12')) {
  describe(`${image.title}, planted`, () => {
    image.require()

    it('shows the user namespace, and the label and filter of a container', () => {
      const { rows } = table('credentials', image.as('elf'), '--pid', '1525,1724')
      expect(rows).toMatchObject([
        { pid: 1525, uid_map: ['0 0 1'], gid_map: ['0 0 1'], label: 'unconfined' },
        { pid: 1724, container_name: 'shop-web-1', seccomp: 'filter', label: 'docker-default (enforce)' },
      ])
    })
  })

  describe(`${image.title} with credentials taken from another process`, () => {
    image.require()
    const THIEF = 1505
    const copy = patchedCopy(image, (kernel, path) => {
      const [init, thief] = [1, THIEF].map((pid) => table('processes', path, '--pid', `${pid}`).rows[0]?.address)
      const from = word(kernel, BigInt(init as string), TASK, 'cred').value
      const to = word(kernel, BigInt(thief as string), TASK, 'cred')
      const own = word(kernel, BigInt(thief as string), TASK, 'real_cred')
      return [
        [own.at, own.value, from],
        [to.at, to.value, from],
      ]
    })

    it('says that they are shared, with whom nobody else shares', () => {
      const { rows } = table('credentials', copy.path)
      expect(rows.filter(({ shared_with }) => shared_with !== 0).map(({ pid }) => pid)).toEqual([1, THIEF])
    })
  })
}
