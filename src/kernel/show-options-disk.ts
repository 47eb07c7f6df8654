/** Options of file systems on disks. The function's file is named beside each. */

import { text } from './query.js'
import { info, type ShowOptions, unless, when } from './show-options.js'

const ext4 = info('struct ext4_sb_info')

/**
 * Bits of `s_mount_opt` (fs/ext4/ext4.h) and the word for them, in the order of `ext4_mount_opts`. The word is shown where
 * all of them are set, or, with `false`, where none is.
 */
const EXT4_FLAGS: readonly (readonly [bits: number, word: string, set: boolean])[] = [
  [0x80, 'minixdf', true],
  [0x80, 'bsddf', false],
  [0x4, 'grpid', true],
  [0x4, 'nogrpid', false],
  [0x20000000, 'block_validity', true],
  [0x20000000, 'noblock_validity', false],
  [0x400000, 'dioread_nolock', true],
  [0x400000, 'dioread_lock', false],
  [0x40000000, 'discard', true],
  [0x40000000, 'nodiscard', false],
  [0x8000000, 'delalloc', true],
  [0x8000000, 'nodelalloc', false],
  [0x2000000, 'warn_on_error', true],
  [0x2000000, 'nowarn_on_error', false],
  [0x800000, 'nojournal_checksum', false],
  [0x800000, 'journal_checksum', true],
  [0x1800000, 'journal_async_commit', true],
  [0x100, 'norecovery', true],
  [0x20000, 'barrier', true],
  [0x20000, 'nobarrier', false],
  [0x10000, 'noauto_da_alloc', true],
  [0x10000, 'auto_da_alloc', false],
  [0x80000000, 'noinit_itable', false],
  [0x4000, 'user_xattr', true],
  [0x8000, 'acl', true],
  [0x2000, 'nouid32', true],
  [0x8, 'debug', true],
  [0xc0000, 'quota', true],
  [0xc0000, 'usrquota', true],
  [0x140000, 'grpquota', true],
  [0x240000, 'prjquota', true],
  [0x3c0000, 'noquota', false],
  [0x1, 'nombcache', true],
  [0x4000000, 'no_prefetch_block_bitmaps', true],
]
/** EXT4_MOUNT_ERRORS_…, with what the superblock on the disk calls them, and EXT4_MOUNT_DATA_…. */
const EXT4_ERRORS = [
  [0x20, 'remount-ro', 2],
  [0x10, 'continue', 1],
  [0x40, 'panic', 3],
] as const
const EXT4_DATA = 0xc00
const EXT4_DATA_WORDS: Readonly<Record<number, string>> = { 1024: 'journal', 2048: 'ordered', 3072: 'writeback' }
/** JBD2_DEFAULT_MAX_COMMIT_AGE in seconds, EXT4_DEF_MAX_BATCH_TIME in microseconds, and other EXT4_DEF_… */
const [COMMIT_AGE, BATCH_TIME, READ_AHEAD, INIT_WAIT] = [5, 15000, 32, 10]
const [INIT_ITABLE, DATA_ERR_ABORT, DAX_ALWAYS] = [0x80000000, 0x10000000, 0x200]
/** SB_INLINECRYPT (include/linux/fs.h). */
const INLINE_CRYPT = 0x20000

/** _ext4_show_options() (fs/ext4/super.c). */
const ext4_show_options: ShowOptions = {
  select: {
    superblock: ext4('s_sb_block'),
    options: ext4('s_mount_opt'),
    usual: ext4('s_def_mount_opt'),
    uid: ext4('s_resuid.val'),
    gid: ext4('s_resgid.val'),
    disk_uid: ext4('s_es->s_def_resuid'),
    disk_gid: ext4('s_es->s_def_resgid'),
    errors: ext4('s_es->s_errors'),
    commit: ext4('s_commit_interval'),
    least_batch: ext4('s_min_batch_time'),
    most_batch: ext4('s_max_batch_time'),
    stripe: ext4('s_stripe'),
    read_ahead: ext4('s_inode_readahead_blks'),
    init_wait: ext4('s_li_wait_mult'),
    directory: ext4('s_max_dir_size_kb'),
    quota_format: ext4('s_jquota_fmt'),
    user_quota: text(ext4('s_qf_names[0]'), 256),
    group_quota: text(ext4('s_qf_names[1]'), 256),
    flags: 's_flags',
  },
  words(values, { hz }) {
    const [options, usual] = [values.number('options') ?? 0, values.number('usual') ?? 0]
    // Of quota files and DAX there are words of several kinds.
    if (hz === null || values.number('quota_format') || values.text('user_quota') || values.text('group_quota'))
      return null
    if ((options & DAX_ALWAYS) !== 0) return null
    const changed = (bits: number) => (bits & (options ^ usual)) !== 0
    const flags = EXT4_FLAGS.filter(([bits, , set]) => changed(bits) && (options & bits) === (set ? bits | 0 : 0))
    const commit = values.number('commit') ?? 0
    const errors = EXT4_ERRORS.filter(([bit, , disk]) => (options & bit) !== 0 && values.number('errors') !== disk)
    const mode = options & EXT4_DATA
    const reserved = (name: string) => values.number(name) !== 0 || values.number(`disk_${name}`) !== 0
    return [
      ...unless(1, 'sb', values.number('superblock')),
      ...flags.map(([, word]) => word),
      ...when(`resuid=${values.number('uid')}`, reserved('uid')),
      ...when(`resgid=${values.number('gid')}`, reserved('gid')),
      ...errors.map(([, word]) => `errors=${word}`),
      ...when(`commit=${Math.floor(commit / hz)}`, commit !== COMMIT_AGE * hz),
      ...unless(0, 'min_batch_time', values.number('least_batch')),
      ...unless(BATCH_TIME, 'max_batch_time', values.number('most_batch')),
      ...unless(0, 'stripe', values.number('stripe')),
      ...when(`data=${EXT4_DATA_WORDS[mode]}`, changed(EXT4_DATA) && mode !== 0),
      ...unless(READ_AHEAD, 'inode_readahead_blks', values.number('read_ahead')),
      ...((options & INIT_ITABLE) === 0 ? [] : unless(INIT_WAIT, 'init_itable', values.number('init_wait'))),
      ...unless(0, 'max_dir_size_kb', values.number('directory')),
      ...when('data_err=abort', options & DATA_ERR_ABORT),
      ...when('inlinecrypt', (values.number('flags') ?? 0) & INLINE_CRYPT),
    ]
  },
}

const xfs = info('xfs:struct xfs_mount')

/** Bits of `m_features` with their words, in the order of xfs_fs_show_options() (fs/xfs/xfs_super.c); from 5.15 on. */
const XFS_FEATURES: readonly (readonly [bit: bigint, word: string])[] = [
  [57n, 'ikeep'],
  [52n, 'wsync'],
  [49n, 'noalign'],
  [58n, 'swalloc'],
  [63n, 'nouuid'],
  [62n, 'norecovery'],
  [10n, 'attr2'],
  [59n, 'filestreams'],
  [55n, 'grpid'],
  [54n, 'discard'],
  [51n, 'largeio'],
  [60n, 'dax=always'],
  [61n, 'dax=never'],
]
const XFS_SMALL_INODES = 56n
const XFS_ALLOCATION = 50n
/** BBSHIFT (fs/xfs/libxfs/xfs_fs.h): of the blocks in which widths are told. */
const BASIC_BLOCK = 9

const xfs_fs_show_options: ShowOptions = {
  select: {
    features: xfs('m_features'),
    allocation: xfs('m_allocsize_log'),
    log_buffers: xfs('m_logbufs'),
    log_size: xfs('m_logbsize'),
    log_name: text(xfs('m_logname'), 256),
    realtime_name: text(xfs('m_rtname'), 256),
    unit: xfs('m_dalign'),
    width: xfs('m_swidth'),
    block: xfs('m_sb.sb_blocklog'),
    quotas: xfs('m_qflags'),
  },
  words(values) {
    const features = values.bigint('features')
    const quotas = values.number('quotas')
    // What quotas are kept is told in six words.
    if (features === null || quotas !== 0) return null
    const has = (bit: bigint) => (features & (1n << bit)) !== 0n
    const basic = (name: string) =>
      (values.number(name) ?? 0) * 2 ** Math.max(0, (values.number('block') ?? 0) - BASIC_BLOCK)
    const positive = (name: string, value: number, suffix = '') => when(`${name}=${value}${suffix}`, value > 0)
    const kilobytes = Math.floor((values.number('log_size') ?? 0) / 1024)
    return [
      ...XFS_FEATURES.flatMap(([bit, word]) => when(word, has(bit))),
      has(XFS_SMALL_INODES) ? 'inode32' : 'inode64',
      ...when(`allocsize=${2 ** ((values.number('allocation') ?? 0) - 10)}k`, has(XFS_ALLOCATION)),
      ...positive('logbufs', values.number('log_buffers') ?? 0),
      ...positive('logbsize', kilobytes, 'k'),
      ...when(`logdev=${values.text('log_name')}`, values.text('log_name') !== null),
      ...when(`rtdev=${values.text('realtime_name')}`, values.text('realtime_name') !== null),
      ...positive('sunit', basic('unit')),
      ...positive('swidth', basic('width')),
      'noquota',
    ]
  },
}

const fat = (member: string) => `((fat:struct msdos_sb_info *)s_fs_info)->${member}`
const fatOption = (member: string) => fat(`options.${member}`)
/** VFAT_SFN_… (fs/fat/fat.h). */
const SHORT_NAMES: Readonly<Record<number, string>> = { 258: 'win95', 516: 'winnt', 260: 'mixed', 257: 'lower' }
const FAT_ERRORS: Readonly<Record<number, string>> = { 1: 'continue', 2: 'panic' }

/** fs/fat/inode.c */
const fat_show_options: ShowOptions = {
  select: {
    uid: fatOption('fs_uid.val'),
    gid: fatOption('fs_gid.val'),
    files: fatOption('fs_fmask'),
    directories: fatOption('fs_dmask'),
    utime: fatOption('allow_utime'),
    disk_charset: text(fat('nls_disk->charset'), 64),
    charset: text(fat('nls_io->charset'), 64),
    is_vfat: fatOption('isvfat'),
    short_names: fatOption('shortname'),
    check: fatOption('name_check'),
    free: fatOption('usefree'),
    quiet: fatOption('quiet'),
    executable: fatOption('showexec'),
    immutable: fatOption('sys_immutable'),
    dots: fatOption('dotsOK'),
    nocase: fatOption('nocase'),
    utf8: fatOption('utf8'),
    unicode: fatOption('unicode_xlate'),
    tails: fatOption('numtail'),
    rodir: fatOption('rodir'),
    flush: fatOption('flush'),
    zone: fatOption('tz_set'),
    offset: fatOption('time_offset'),
    errors: fatOption('errors'),
    nfs: fatOption('nfs'),
    discard: fatOption('discard'),
    floppy: fatOption('dos1xfloppy'),
  },
  words(values) {
    const [files, vfat] = [values.number('files'), values.number('is_vfat')]
    if (files === null || vfat === null) return null
    const set = (word: string, name: string) => when(word, values.number(name))
    const mask = (name: string) => values.number(name)?.toString(8).padStart(4, '0')
    const [offset, nfs, check] = [values.number('offset') ?? 0, values.number('nfs'), values.number('check') ?? 0]
    const ofVfat = [
      ...set('utf8', 'utf8'),
      ...set('uni_xlate', 'unicode'),
      ...when('nonumtail', values.number('tails') === 0),
      ...set('rodir', 'rodir'),
    ]
    return [
      ...unless(0, 'uid', values.number('uid')),
      ...unless(0, 'gid', values.number('gid')),
      `fmask=${mask('files')}`,
      `dmask=${mask('directories')}`,
      ...when(`allow_utime=${mask('utime')}`, values.number('utime')),
      ...when(`codepage=${values.text('disk_charset')?.slice(2)}`, values.text('disk_charset') !== null),
      ...when(`iocharset=${values.text('charset')}`, vfat !== 0 && values.text('charset') !== null),
      ...when(`shortname=${SHORT_NAMES[values.number('short_names') ?? 0] ?? 'unknown'}`, vfat),
      ...when(`check=${String.fromCharCode(check)}`, check !== 'n'.charCodeAt(0)),
      ...set('usefree', 'free'),
      ...set('quiet', 'quiet'),
      ...set('showexec', 'executable'),
      ...set('sys_immutable', 'immutable'),
      ...(vfat ? ofVfat : [...set('dotsOK=yes', 'dots'), ...set('nocase', 'nocase')]),
      ...set('flush', 'flush'),
      ...set(offset === 0 ? 'tz=UTC' : `time_offset=${offset}`, 'zone'),
      `errors=${FAT_ERRORS[values.number('errors') ?? 0] ?? 'remount-ro'}`,
      ...when(nfs === 2 ? 'nfs=nostale_ro' : 'nfs=stale_rw', nfs),
      ...set('discard', 'discard'),
      ...set('dos1xfloppy', 'floppy'),
    ]
  },
}

export const DISK_OPTIONS = { ext4_show_options, xfs_fs_show_options, fat_show_options } satisfies Readonly<
  Record<string, ShowOptions>
>
