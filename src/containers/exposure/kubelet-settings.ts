/** What the file of the kubelet's configuration says (kubelet.config.k8s.io/v1beta1), against what the guides advise. */

import { field } from '../json.js'
import type { ExposedSetting, Setting } from './settings.js'

/** A field of the file; a flag of the same meaning counts before it. */
interface FileSetting extends Setting {
  readonly path: readonly string[]
  readonly flag: string | null
  readonly isWeak: (value: unknown) => boolean
}

const SETTINGS: readonly FileSetting[] = [
  {
    name: 'kubelet authentication.anonymous.enabled',
    title: 'The kubelet obeys who does not say who it is',
    leads_to: 'other containers',
    attack: 'T1609',
    path: ['authentication', 'anonymous', 'enabled'],
    flag: 'anonymous-auth',
    isWeak: (value) => value === true,
  },
  {
    name: 'kubelet authorization.mode',
    title: 'The kubelet allows everything to who is known',
    leads_to: 'other containers',
    attack: 'T1609',
    path: ['authorization', 'mode'],
    flag: 'authorization-mode',
    isWeak: (value) => value === 'AlwaysAllow',
  },
  {
    name: 'kubelet readOnlyPort',
    title: 'The kubelet tells everybody about its pods',
    leads_to: 'the API',
    attack: 'T1613',
    path: ['readOnlyPort'],
    flag: 'read-only-port',
    isWeak: (value) => typeof value === 'number' && value > 0,
  },
  {
    name: 'kubelet protectKernelDefaults',
    title: 'The kubelet changes settings of the kernel to what it needs, instead of refusing to start',
    leads_to: 'the kernel',
    attack: 'T1562',
    path: ['protectKernelDefaults'],
    flag: 'protect-kernel-defaults',
    isWeak: (value) => value !== true,
  },
  {
    name: 'kubelet seccompDefault',
    title: 'Containers that name no filter of system calls are given none',
    leads_to: 'the kernel',
    attack: 'T1068',
    path: ['seccompDefault'],
    flag: 'seccomp-default',
    isWeak: (value) => value !== true,
  },
  {
    name: 'kubelet allowedUnsafeSysctls',
    title: 'Pods may change settings of the kernel that are not of them alone',
    leads_to: 'the kernel',
    attack: 'T1562',
    path: ['allowedUnsafeSysctls'],
    flag: 'allowed-unsafe-sysctls',
    isWeak: (value) => Array.isArray(value) && value.length > 0,
  },
  {
    name: 'kubelet staticPodURL',
    title: 'The kubelet runs pods that a server names, past the API server',
    leads_to: 'root on the node',
    attack: 'T1610',
    path: ['staticPodURL'],
    flag: 'manifest-url',
    isWeak: (value) => typeof value === 'string' && value !== '',
  },
]

/** Settings of a configuration that weaken its node, but for those that a flag decides. */
export function kubeletSettings(
  configuration: unknown,
  path: string,
  flags: ReadonlyMap<string, string>,
): ExposedSetting[] {
  if (field(configuration, 'kind') !== 'KubeletConfiguration') return []
  return SETTINGS.flatMap(({ path: names, flag, isWeak, ...setting }) => {
    const value = field(configuration, ...names)
    if ((flag !== null && flags.has(flag)) || !isWeak(value)) return []
    const told =
      value === undefined || value === null ? 'does not set it' : `has ${JSON.stringify(value).slice(0, 256)}`
    return [{ ...setting, because: `${path} ${told}` }]
  })
}
