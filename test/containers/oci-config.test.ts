import { describe, expect, it } from 'vitest'
import { everyCapability } from '../../src/containers/capabilities.js'
import { isPrivileged, parseOciConfig, readCriAnnotations } from '../../src/containers/oci-config.js'

const id = 'a'.repeat(64)
const uid = '4fd2c44f-52cb-42a7-a7e4-ea5a520915e0'

describe('OCI config.json', () => {
  const config = {
    ociVersion: '1.2.0',
    process: {
      user: { uid: 101 },
      args: ['nginx', '-g', 'daemon off;'],
      env: ['PATH=/usr/bin', 'SHOP_ENV=production'],
      cwd: '/',
      capabilities: { bounding: ['CAP_KILL', 'CAP_CHOWN'], effective: ['CAP_CHOWN'] },
      apparmorProfile: 'docker-default',
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    hostname: 'web',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] },
      { destination: '/data', type: 'bind', source: '/srv/data', options: ['rbind', 'ro'] },
      { source: '/no/target' },
      'not a mount',
    ],
    annotations: { 'io.kubernetes.cri.container-type': 'sandbox', number: 7 },
    linux: {
      cgroupsPath: `system.slice:docker:${id}`,
      seccomp: { defaultAction: 'SCMP_ACT_ERRNO' },
      maskedPaths: ['/proc/kcore'],
      readonlyPaths: ['/proc/sys'],
      resources: {
        memory: { limit: 4096 },
        cpu: { quota: 50_000, period: 100_000 },
        pids: { limit: -1 },
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 1, minor: 3 },
        ],
      },
      namespaces: [{ type: 'pid' }, { type: 'network', path: '/proc/1205/ns/net' }, {}],
    },
  }

  it('is read whole', () => {
    expect(parseOciConfig(JSON.stringify(config)).value).toEqual({
      args: ['nginx', '-g', 'daemon off;'],
      env: ['PATH=/usr/bin', 'SHOP_ENV=production'],
      cwd: '/',
      devices: [
        { allow: false, bits: 7, major: null, minor: null, types: [1, 2] },
        { allow: true, bits: 7, major: 1, minor: 3, types: [2] },
      ],
      uid: 101,
      hostname: 'web',
      mounts: [
        { target: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] },
        { target: '/data', type: 'bind', source: '/srv/data', options: ['rbind', 'ro'] },
      ],
      capabilities: ['CAP_KILL', 'CAP_CHOWN'],
      effective: ['CAP_CHOWN'],
      seccomp: true,
      seccomp_profile: { architectures: [], calls: new Map(), conditions: new Map(), otherwise: 'denied' },
      apparmor: 'docker-default',
      no_new_privileges: true,
      masked_paths: ['/proc/kcore'],
      readonly_paths: ['/proc/sys'],
      root_readonly: false,
      memory_limit: 4096,
      pids_limit: null,
      cpu_limit: 500,
      restricts_devices: true,
      namespaces: [
        { type: 'pid', path: null },
        { type: 'network', path: '/proc/1205/ns/net' },
      ],
      cgroups_path: `system.slice:docker:${id}`,
      rootfs: 'rootfs',
      annotations: new Map([['io.kubernetes.cri.container-type', 'sandbox']]),
    })
  })

  it('is privileged with every capability, no filter and nothing masked', () => {
    const free = { ...config, process: { capabilities: { bounding: [...everyCapability, 'CAP_BPF'] } }, linux: {} }
    const read = (value: object) => parseOciConfig(JSON.stringify(value)).value
    const judge = (value: object) => {
      const spec = read(value)
      return spec && isPrivileged(spec, everyCapability)
    }
    expect(judge(free)).toBe(true)
    expect(judge({ ...free, linux: { seccomp: {} } })).toBe(false)
    expect(judge({ ...free, linux: { maskedPaths: ['/proc/kcore'] } })).toBe(false)
    expect(judge({ ...free, process: config.process })).toBe(false)
  })

  it('says why it cannot be read', () => {
    expect(parseOciConfig('{"ociVersion": "1.')).toEqual({ value: null, problem: 'OCI config.json: not JSON' })
    expect(parseOciConfig('[]').problem).toBe('OCI config.json: no ociVersion')
    expect(parseOciConfig('7').problem).toBe('OCI config.json: not a JSON object')
  })

  it("has containerd's annotations and CRI-O's", () => {
    const containerd = {
      'io.kubernetes.cri.container-name': 'redis',
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.image-name': 'docker.io/library/redis:7.0',
      'io.kubernetes.cri.sandbox-id': id,
      'io.kubernetes.cri.sandbox-name': 'sessions-0',
      'io.kubernetes.cri.sandbox-namespace': 'payments',
      'io.kubernetes.cri.sandbox-uid': uid,
    }
    const crio = {
      'io.container.manager': 'cri-o',
      'io.kubernetes.container.name': 'redis',
      'io.kubernetes.cri-o.ContainerType': 'container',
      'io.kubernetes.cri-o.ImageName': 'docker.io/library/redis:7.0',
      'io.kubernetes.cri-o.SandboxID': id,
      'io.kubernetes.pod.name': 'sessions-0',
      'io.kubernetes.pod.namespace': 'payments',
      'io.kubernetes.pod.uid': uid,
    }
    const same = {
      kind: 'container',
      sandbox_id: id,
      container_name: 'redis',
      image: 'docker.io/library/redis:7.0',
      pod_name: 'sessions-0',
      pod_namespace: 'payments',
      pod_uid: uid,
      hostname: null,
    }
    expect(readCriAnnotations(new Map(Object.entries(containerd)))).toEqual({ manager: 'containerd', ...same })
    expect(readCriAnnotations(new Map(Object.entries(crio)))).toEqual({ manager: 'cri-o', ...same })
  })
})
