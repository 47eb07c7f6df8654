import { defineRule, firstOfHost, need, programPath, quote } from 'salvor'
import files from '../../files/files.js'
import credentials from '../../processes/credentials.js'
import environment from '../../processes/environment.js'
import processes from '../../processes/processes.js'

/** Programs that are set-uid root in distributions, for where their file is not in memory. */
const SET_UID =
  /\/(?:sudo|sudoedit|su|sudo-rs|su-rs|pkexec|doas|newuidmap|newgidmap|fusermount3?|mount|umount|ping6?|passwd|chfn|chsh|gpasswd|newgrp|sg|crontab|at|ssh-keysign|unix_chkpwd|ntfs-3g|mount\.\w+|snap-confine|chrome-sandbox|Xorg\.wrap|Xorg|polkit-agent-helper-1|dbus-daemon-launch-helper|userhelper|ksu|run0|traceroute6?|mtr-packet|VBox\w+|firejail|bwrap|singularity|starter-suid|cockpit-session|utempter|pam_timestamp_check|sendmail|exim4?|procmail|dumpcap|suexec\w*|locate)$/

/**
 * What set-uid programs that start another in their own place leave in its environment. Whoever starts a process may
 * set it too, and busybox sets nothing: that lowers a finding, no more.
 */
const SAID = new Set(['PKEXEC_UID', 'DOAS_USER', 'SUDO_UID'])

export default defineRule({
  name: 'root-below-user',
  title: 'A process is root, and its parent is an ordinary user without rights',
  means:
    'Nobody becomes root below such a parent but by a set-uid program, which this is not: what an exploit of the kernel ' +
    'does to a shell.',
  next: [
    'See in process-tree and shell-history what was run before',
    'Look in kernel-log for oopses, and in credentials for shared credentials',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1068'],
  severity: 'high',
  confidence: 'medium',
  reads: {
    processes: need(processes),
    credentials: need(credentials),
    files: need(files),
    environment: need(environment),
  },
  *find({ processes, credentials, files, environment }) {
    const host = firstOfHost(processes)
    for (const process of processes.where('euid', 0)) {
      const parent = process.ppid === null ? undefined : processes.where('pid', process.ppid)[0]
      if (parent === undefined || process.kernel_thread !== false || parent.kernel_thread !== false) continue
      // Ids of other user namespaces are given by rights that are in no set of the initial one.
      if (host === undefined || process.user_ns !== host.user_ns || parent.user_ns !== host.user_ns) continue
      // The first process of a container, and systemd for its user, are given processes whose own parents ended.
      if (Number(parent.pid_in_ns ?? 1) === 1 || /\/systemd$/.test(parent.exe ?? '')) continue
      const held = credentials.where('pid', parent.pid)[0]
      if (held === undefined || !isPlainUser(held) || isSetUid(process.exe, files)) continue
      const said = environment.where('pid', process.pid).some(({ name }) => SAID.has(name ?? ''))
      const isSaid = said || /\/busybox$/.test(programPath(process.exe))
      yield {
        about: process,
        ...(isSaid ? { severity: 'low' as const, confidence: 'low' as const } : {}),
        summary: `${quote(process.args)} is root, and was started by ${quote(parent.comm)} of the user ${held.uid}`,
        evidence: [process, parent, held],
      }
    }
  },
})

interface Held {
  readonly uid: unknown
  readonly euid: unknown
  readonly suid: unknown
  readonly cap_permitted: readonly string[] | null
}

function isPlainUser({ uid, euid, suid, cap_permitted }: Held): boolean {
  return [uid, euid, suid].every((id) => id !== null && Number(id) > 0) && cap_permitted?.length === 0
}

interface Files {
  where(column: 'path', value: string): readonly { readonly mode: string | null }[]
}

function isSetUid(exe: string | null, files: Files): boolean {
  if (exe === null) return true
  const path = programPath(exe)
  return SET_UID.test(path) || files.where('path', path).some(({ mode }) => mode?.[3] === 's' || mode?.[3] === 'S')
}
