/** Options of overlayfs (fs/overlayfs/params.c, before 6.5 super.c) and FUSE (fs/fuse/inode.c). */

import { addressOf, array, constantName, dentryPath, firstOf, index, optional, text } from './query.js'
import { type Facts, info, type ShowOptions, unless, type Values, when } from './show-options.js'

const overlay = info('overlay:struct ovl_fs')
const config = (member: string) => overlay(`config.${member}`)
/** OVL_MAX_STACK (fs/overlayfs/overlayfs.h), and the upper layer. */
const MOST_LAYERS = 501
/** A page, which options were before 6.5, and more than the names of a mount's layers are from then on. */
const LONGEST = 1 << 16

/** The last word of a constant's name: `OVL_REDIRECT_FOLLOW` is `follow`. */
const word = (constant: string | null) => constant?.slice(constant.lastIndexOf('_') + 1).toLowerCase() ?? null

/** A mode by its constant; the usual one is not shown. */
function mode(name: string, usual: string | null, constant: string | null): string[] | null {
  if (constant === null) return []
  return usual === null ? null : when(`${name}=${word(constant)}`, word(constant) !== usual)
}

const onOff = (set: boolean | null) => (set === null ? null : set ? 'on' : 'off')

const stack = { count: [overlay('numlayer'), overlay('numlower')], most: MOST_LAYERS }

/** How many layers it has, the upper one among them from 5.8 on. */
export const OVERLAY_COUNT = [overlay('numlayer'), overlay('numlower')]

const ovl_show_options: ShowOptions = {
  select: {
    layers: OVERLAY_COUNT,
    lower: text(config('lowerdir'), LONGEST),
    // A kernel that has this keeps all names as they were given before the layers' own, unless they came one by one.
    keeps_all: addressOf('((overlay:struct ovl_fs_context *)s_fs_info)->lowerdir_all'),
    data_layers: overlay('numdatalayer'),
    upper: text(config('upperdir'), LONGEST),
    work: text(config('workdir'), LONGEST),
    permissions: config('default_permissions'),
    redirect: text(config('redirect_mode'), 16),
    redirect_mode: constantName(config('redirect_mode'), 'OVL_REDIRECT_ON'),
    index: config('index'),
    uuid: constantName(config('uuid'), 'OVL_UUID_AUTO'),
    has_uuid: config('uuid'),
    nfs: config('nfs_export'),
    xino: constantName(config('xino'), 'OVL_XINO_AUTO'),
    xino_mode: overlay('xino_mode'),
    metacopy: config('metacopy'),
    volatile: config('ovl_volatile'),
    fsync: constantName(config('fsync_mode'), 'OVL_FSYNC_AUTO'),
    userxattr: config('userxattr'),
    verity: constantName(config('verity_mode'), 'OVL_VERITY_ON'),
  },
  texts: {
    walk: firstOf(array(config('lowerdirs'), { ...stack, pointers: true }), array(overlay('layers'), stack)),
    select: { at: index(), text: optional(text(['', 'name'], LONGEST)) },
  },
  words(values, facts) {
    const parts = [lowerWords(values), modes(values, facts)]
    if (parts.includes(null)) return null
    const [lower, others] = parts as string[][]
    const upper = values.text('upper')
    return [
      ...(lower ?? []),
      ...when(`upperdir=${upper}`, upper !== null),
      ...when(`workdir=${values.text('work')}`, upper !== null),
      ...(others ?? []),
    ]
  },
}

function lowerWords(values: Values): string[] | null {
  const lower = values.text('lower')
  if (lower !== null) return [`lowerdir=${lower}`]
  const names = values.texts()
  const [layers, data] = [values.number('layers'), values.number('data_layers') ?? 0]
  const all = names[0] ?? null
  if (layers === null || layers < 1 || data >= layers) return null
  const isWhole = !values.lacks('keeps_all')
  if (isWhole && all !== null) return [`lowerdir=${all}`]
  // From 6.7 on those that came one by one follow a place that is empty; before, each had its own place from the first on.
  const first = typeof all === 'string' ? 0 : 1
  const own = Array.from({ length: layers - 1 }, (_, place) => names[place + first])
  if (!own.every((name) => typeof name === 'string')) return null
  const [plain, behind] = [own.slice(0, own.length - data), own.slice(own.length - data)]
  if (isWhole) return [...plain.map((name) => `lowerdir+=${name}`), ...behind.map((name) => `datadir+=${name}`)]
  return [`lowerdir=${plain.join(':')}${behind.map((name) => `::${name}`).join('')}`]
}

function modes(values: Values, { flag }: Facts): string[] | null {
  const usual = (name: string) => onOff(flag(`ovl_${name}_def`))
  const ownUsual = (name: string) =>
    mode(name, usual(name), switched(values.number(name === 'nfs_export' ? 'nfs' : name)))
  const redirects = usual('redirect_dir')
  const text = values.text('redirect')
  const follows = flag('ovl_redirect_always_follow') ? 'follow' : 'nofollow'
  const parts: (string[] | null)[] = [
    when('default_permissions', values.number('permissions')),
    text === null
      ? mode('redirect_dir', redirects === 'off' ? follows : redirects, values.text('redirect_mode'))
      : mode('redirect_dir', redirects, text),
    ownUsual('index'),
    values.text('uuid') === null
      ? when('uuid=off', values.number('has_uuid') === 0)
      : mode('uuid', 'auto', values.text('uuid')),
    ownUsual('nfs_export'),
    values.number('xino_mode') === 0
      ? []
      : mode('xino', flag('ovl_xino_auto_def') ? 'auto' : 'off', values.text('xino')),
    ownUsual('metacopy'),
    when('volatile', values.number('volatile')),
    mode('fsync', 'auto', values.text('fsync')),
    when('userxattr', values.number('userxattr')),
    mode('verity', 'off', values.text('verity')),
  ]
  return parts.includes(null) ? null : (parts as string[][]).flat()
}

const switched = (value: number | null) => (value === null ? null : value === 0 ? 'off' : 'on')

/** Variables that say what an overlay is like unless it is told otherwise. */
export const OVERLAY_DEFAULTS = [
  'ovl_redirect_dir_def',
  'ovl_redirect_always_follow',
  'ovl_index_def',
  'ovl_nfs_export_def',
  'ovl_xino_auto_def',
  'ovl_metacopy_def',
] as const

/** The directories that an overlay is made of, by their paths on their own file systems, the upper one first. */
export const OVERLAY_LAYERS = {
  walk: firstOf(array(overlay('layers'), stack), array(overlay('lower_layers'), stack)),
  select: { path: dentryPath('mnt->mnt_root'), superblock: 'mnt->mnt_sb' },
} as const
/** The upper one's, where it is no layer like the others (before 5.8). */
export const OVERLAY_UPPER = {
  path: dentryPath(overlay('upper_mnt->mnt_root')),
  superblock: overlay('upper_mnt->mnt_sb'),
} as const

/** A mount's own from 5.10 on. */
const fuse = (member: string) => [
  `((fuse:struct fuse_mount *)s_fs_info)->fc->${member}`,
  `((fuse:struct fuse_conn *)s_fs_info)->${member}`,
]
/** FUSE_DEFAULT_BLKSIZE and what `max_read` is without a limit (fs/fuse/inode.c). */
const BLOCK = 512
const UNLIMITED = 2 ** 32 - 1

const fuse_show_options: ShowOptions = {
  select: {
    user: fuse('user_id.val'),
    group: fuse('group_id.val'),
    user_ns: fuse('user_ns'),
    shows: fuse('legacy_opts_show'),
    permissions: fuse('default_permissions'),
    others: fuse('allow_other'),
    most: fuse('max_read'),
    dax: fuse('dax_mode'),
    device: 's_bdev',
    block: 's_blocksize',
  },
  words(values, { init_user_ns }) {
    const user = values.number('user')
    // Ids are those of whoever mounted it; and DAX has words of its own.
    if (user === null || values.bigint('user_ns') !== init_user_ns || values.number('dax')) return null
    if (values.number('shows') === 0) return []
    return [
      `user_id=${user}`,
      `group_id=${values.number('group')}`,
      ...when('default_permissions', values.number('permissions')),
      ...when('allow_other', values.number('others')),
      ...unless(UNLIMITED, 'max_read', values.number('most')),
      ...(values.bigint('device') ? unless(BLOCK, 'blksize', values.number('block')) : []),
    ]
  },
}

export const OVERLAY_OPTIONS = { ovl_show_options, fuse_show_options } satisfies Readonly<Record<string, ShowOptions>>
