/** Settings of a node against what the hardening guides of Kubernetes, Docker and the kernel advise. */

import { parseFlags } from '../flags.js'
import type { Leads } from './types.js'

export interface Setting {
  readonly name: string
  readonly title: string
  readonly leads_to: Leads
  readonly attack: string
}

/** A setting of the kernel that weakens it: the value that does, and what it is about. */
export const KERNEL: readonly (Setting & { readonly weak: readonly string[] })[] = [
  {
    name: 'kernel.unprivileged_bpf_disabled',
    title: 'Who has no privileges may load BPF programs',
    leads_to: 'the kernel',
    attack: 'T1068',
    weak: ['0'],
  },
  {
    name: 'vm.unprivileged_userfaultfd',
    title: 'Who has no privileges may stretch races in the kernel by page faults',
    leads_to: 'the kernel',
    attack: 'T1068',
    weak: ['1'],
  },
  {
    name: 'kernel.kptr_restrict',
    title: 'The kernel shows addresses of its own',
    leads_to: 'the kernel',
    attack: 'T1082',
    weak: ['0'],
  },
  {
    name: 'kernel.yama.ptrace_scope',
    title: 'A process may trace any other of its user',
    leads_to: 'processes of the node',
    attack: 'T1055.008',
    weak: ['0'],
  },
]

/** An argument of a component of Kubernetes or Docker that weakens it. */
export const ARGUMENTS: readonly (Setting & { readonly program: string; readonly weak: RegExp })[] = [
  {
    name: 'kubelet --anonymous-auth',
    title: 'The kubelet obeys who does not say who it is',
    leads_to: 'other containers',
    attack: 'T1609',
    program: 'kubelet',
    weak: /^--anonymous-auth(?:=true)?$/,
  },
  {
    name: 'kubelet --read-only-port',
    title: 'The kubelet tells everybody about its pods',
    leads_to: 'the API',
    attack: 'T1613',
    program: 'kubelet',
    weak: /^--read-only-port=[1-9]\d*$/,
  },
  {
    name: 'kubelet --authorization-mode',
    title: 'The kubelet allows everything to who is known',
    leads_to: 'other containers',
    attack: 'T1609',
    program: 'kubelet',
    weak: /^--authorization-mode=AlwaysAllow$/,
  },
  {
    name: 'kube-apiserver --authorization-mode',
    title: 'The API server allows everything to who is known',
    leads_to: 'the API',
    attack: 'T1078',
    program: 'kube-apiserver',
    weak: /^--authorization-mode=(?:.*,)?AlwaysAllow/,
  },
  {
    name: 'kube-apiserver --anonymous-auth',
    title: 'The API server lets in who does not say who it is',
    leads_to: 'the API',
    attack: 'T1078',
    program: 'kube-apiserver',
    weak: /^--anonymous-auth(?:=true)?$/,
  },
  {
    name: 'kube-apiserver --insecure-port',
    title: 'The API server has a port without authentication',
    leads_to: 'the API',
    attack: 'T1078',
    program: 'kube-apiserver',
    weak: /^--insecure-port=[1-9]\d*$/,
  },
  {
    name: 'etcd --client-cert-auth',
    title: 'etcd serves who has no certificate',
    leads_to: 'the API',
    attack: 'T1552',
    program: 'etcd',
    weak: /^--client-cert-auth=false$/,
  },
  {
    name: 'dockerd --host',
    title: 'The Docker daemon takes orders from the network',
    leads_to: 'root on the node',
    attack: 'T1610',
    program: 'dockerd',
    weak: /^(?:-H=?|--host=)?tcp:\/\//,
  },
]

/** An argument without which a component is weaker, where it is given as a list what this has to be among. */
export const MISSING: readonly (Setting & {
  readonly program: string
  readonly argument: string
  readonly wants: RegExp
})[] = [
  {
    name: 'kube-apiserver --enable-admission-plugins',
    title: 'A node may change what is of other nodes: NodeRestriction is not in force',
    leads_to: 'the API',
    attack: 'T1078',
    program: 'kube-apiserver',
    argument: '--enable-admission-plugins',
    wants: /(?:^|,)NodeRestriction(?:,|$)/,
  },
  {
    name: 'kube-apiserver --audit-log-path',
    title: 'The API server keeps no audit log on its node',
    leads_to: 'the API',
    attack: 'T1562',
    program: 'kube-apiserver',
    argument: '--audit-log-path',
    wants: /./,
  },
]

export interface ExposedSetting extends Setting {
  readonly because: string
}

interface Running {
  readonly args: readonly string[] | null
  readonly exe: string | null
}

/** Settings that weaken a node, by the kernel's values and the arguments of its components; each once. */
export function exposedSettings(
  values: readonly { readonly name: string | null; readonly value: string | null }[],
  processes: readonly Running[],
): ExposedSetting[] {
  const byName = new Map(values.map(({ name, value }) => [name, value]))
  const kernel = KERNEL.flatMap(({ weak, ...setting }) => {
    const value = byName.get(setting.name)
    return value != null && weak.includes(value) ? [{ ...setting, because: `${setting.name} is ${value}` }] : []
  })
  const components = ARGUMENTS.flatMap(({ program, weak, ...setting }) => {
    const running = processes.filter(({ exe }) => exe?.endsWith(`/${program}`) === true)
    const told = running.flatMap(({ args }) => args ?? []).find((argument) => weak.test(argument))
    return told === undefined ? [] : [{ ...setting, because: `${program} was given ${told}` }]
  })
  const missing = MISSING.flatMap(({ program, argument, wants, ...setting }) => {
    const running = processes.filter(({ exe, args }) => exe?.endsWith(`/${program}`) === true && args !== null)
    const lacks = running.find(({ args }) => !wants.test(parseFlags(args ?? []).get(argument.slice(2)) ?? ''))
    return lacks === undefined ? [] : [{ ...setting, because: `${program} runs without it` }]
  })
  return [...kernel, ...components, ...missing]
}
