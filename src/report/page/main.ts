/** The page: its frame, and which view is shown. */

import { App, VIEWS, type View } from './app.js'
import { ConnectionsView } from './connections-view.js'
import { readHead } from './data.js'
import { fill, grouped, h, put, shown } from './dom.js'
import { Findings } from './findings.js'
import { FindingsView } from './findings-view.js'
import { OverviewView } from './overview.js'
import { preparePrint } from './print.js'
import { SearchView } from './search-view.js'
import { TablesView } from './tables-view.js'
import { TimelineView } from './timeline-view.js'
import { TreeView } from './tree-view.js'

interface Shown {
  readonly element: HTMLElement
  show(): Promise<void>
}

const NAMES: Readonly<Record<Exclude<View, 'search'>, string>> = {
  overview: 'Overview',
  findings: 'Findings',
  timeline: 'Timeline',
  connections: 'Connections',
  tables: 'Tables',
}

const KEYS = [
  ['/', 'search everything'],
  ['1 – 5', 'overview, findings, timeline, connections, tables'],
  ['t', 'the tree: ↑ ↓ move, → ← open and close, Enter selects'],
  ['f', 'the filter of the table'],
  ['Enter', 'in a table: open the row; Esc closes it'],
  ['s', 'in a table: sort by the column'],
  ['g', 'in a table: go where the cell leads'],
  ['+  −  ← →  0', 'in the timeline: zoom, move, back'],
  ['Esc', 'select the whole host again'],
  ['?', 'this help'],
] as const

const THEMES = ['auto', 'light', 'dark'] as const

/** Follows the system until the reader chooses. */
function themeSwitch(): HTMLElement {
  let at = 0
  const button = h('button', { type: 'button', class: 'tool' })
  const apply = (): void => {
    const theme = THEMES[at] ?? 'auto'
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    fill(button, { auto: '◐', light: '○', dark: '●' }[theme])
    button.title = `Colours: ${theme}`
    button.setAttribute('aria-label', button.title)
    dispatchEvent(new Event('themechange'))
  }
  button.addEventListener('click', () => {
    at = (at + 1) % THEMES.length
    apply()
  })
  apply()
  return button
}

function helpDialog(): HTMLDialogElement {
  const dialog = h(
    'dialog',
    { class: 'help' },
    h('h2', {}, 'Keys'),
    h(
      'dl',
      {},
      KEYS.flatMap(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)]),
    ),
    h('form', {}, h('button', { type: 'button', click: () => dialog.close() }, 'Close')),
  )
  return dialog
}

/** Beside it stands the data. */
function root(): HTMLElement {
  return document.getElementById('app') ?? document.body
}

class Page {
  private readonly findings: Findings
  private readonly views: Record<View, Shown>
  private readonly tree: TreeView
  private readonly overview: OverviewView
  private readonly tabs = h('nav', { class: 'tabs', aria: { label: 'Views' } })
  private readonly scope = h('div', { class: 'scope' })
  private readonly host = h('div', { class: 'whose' })
  private readonly main = h('main', {})
  private readonly search = h('input', {
    type: 'search',
    class: 'search',
    placeholder: 'Search all tables  /',
    aria: { label: 'Search all tables' },
    keydown: (event) => {
      if (event.key === 'Enter') this.app.go({ view: 'search', query: this.search.value })
      if (event.key === 'Escape') this.search.blur()
    },
  })
  private readonly help = helpDialog()
  private readonly select: HTMLSelectElement | null

  constructor(private readonly app: App) {
    this.findings = new Findings(app)
    this.overview = new OverviewView(app, this.findings)
    this.views = {
      overview: this.overview,
      findings: new FindingsView(app, this.findings),
      timeline: new TimelineView(app, this.findings),
      connections: new ConnectionsView(app),
      tables: new TablesView(app, this.findings),
      search: new SearchView(app),
    }
    this.tree = new TreeView(app, (node) => this.findings.mark(node))
    this.select = this.images()
  }

  async show(): Promise<void> {
    fill(
      root(),
      h(
        'header',
        { class: 'bar' },
        h(
          'button',
          {
            type: 'button',
            class: 'tool menu',
            title: 'Tree',
            aria: { label: 'Tree' },
            click: () => root().classList.toggle('with-tree'),
          },
          '☰',
        ),
        this.host,
        this.tabs,
        this.search,
        h('button', { type: 'button', class: 'tool word', click: () => void this.print() }, 'Print'),
        themeSwitch(),
        h(
          'button',
          {
            type: 'button',
            class: 'tool',
            title: 'Keys (?)',
            aria: { label: 'Keys' },
            click: () => this.help.showModal(),
          },
          '?',
        ),
      ),
      h('aside', { class: 'side' }, this.select, this.tree.element),
      h('div', { class: 'content' }, this.scope, this.main),
      this.help,
    )
    preparePrint(this.app, this.findings, this.overview)
    addEventListener('keydown', (event) => this.key(event))
    this.app.onChange(() => void this.update())
    await this.update()
    document.body.dataset.ready = ''
    // For paper, and for whoever opens findings next.
    await this.app.tables.loadAll(this.findings.evidenceTables())
  }

  /** Which image is shown, where there are several. */
  private images(): HTMLSelectElement | null {
    const { images } = this.app.head
    if (images.length < 2) return null
    return h(
      'select',
      {
        class: 'images',
        aria: { label: 'Image' },
        change: (event) =>
          this.app.go({
            image: (event.target as HTMLSelectElement).selectedIndex,
            view: 'overview',
            scope: 'host',
            table: '',
          }),
      },
      images.map(({ name, fleet }) =>
        h('option', {}, `${fleet === true ? 'All images: ' : ''}${shown(name.split('/').slice(-2).join('/'))}`),
      ),
    )
  }

  private async update(): Promise<void> {
    const { app } = this
    const { view } = app.place
    document.title = `${shown(app.image.tree.label)} · salvor`
    this.frame()
    this.tree.show()
    root().classList.remove('with-tree')
    const next = this.views[view]
    if (this.main.firstElementChild !== next.element) fill(this.main, next.element)
    this.search.value = view === 'search' ? app.place.query : ''
    await next.show()
  }

  private frame(): void {
    const { app } = this
    const info = app.tables.get('info')
    if (this.select !== null) this.select.selectedIndex = app.place.image
    fill(
      this.host,
      h('strong', {}, shown(app.image.tree.label)),
      info === undefined ? null : h('span', { class: 'muted mono' }, info.text(0, 'release')),
    )
    const counts: Partial<Record<View, number>> = {
      findings: app.tables.head('findings')?.total ?? 0,
      timeline: app.tables.head('timeline')?.total ?? 0,
      tables: app.tables.image.tables.length,
    }
    fill(
      this.tabs,
      Object.entries(NAMES).map(([view, name]) => {
        const count = counts[view as View]
        return h(
          'button',
          {
            type: 'button',
            aria: view === app.place.view ? { current: 'page' } : {},
            click: () => app.go({ view: view as View }),
          },
          name,
          count === undefined ? null : h('span', { class: 'count' }, grouped(count)),
        )
      }),
    )
    const { scope } = app
    if (scope.kind === 'host' || app.place.view === 'overview') fill(this.scope)
    else {
      fill(
        this.scope,
        h('span', { class: 'muted' }, `Only ${scope.kind === 'group' ? '' : scope.kind}`),
        h('strong', {}, `${scope.pid === undefined ? '' : `${scope.pid} `}${shown(scope.label)}`),
        scope.note === undefined ? null : h('span', { class: 'muted mono note' }, shown(scope.note)),
        h(
          'button',
          { type: 'button', title: 'The whole host (Esc)', click: () => app.go({ scope: 'host' }) },
          'Show all',
        ),
      )
    }
  }

  private async print(): Promise<void> {
    await this.app.tables.loadAll(this.findings.evidenceTables())
    print()
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return
    const target = event.target as HTMLElement
    if (['INPUT', 'SELECT', 'TEXTAREA'].includes(target.tagName) || this.help.open) return
    const focus = (selector: string): void => document.querySelector<HTMLElement>(selector)?.focus()
    const actions: Record<string, () => void> = {
      '/': () => {
        this.search.focus()
        this.search.select()
      },
      '?': () => this.help.showModal(),
      t: () => focus('#tree'),
      f: () => focus('main .filter'),
      Escape: () => this.app.go({ scope: 'host' }),
    }
    const view = VIEWS[Number(event.key) - 1]
    const action =
      actions[event.key] ?? (view === undefined || view === 'search' ? undefined : () => this.app.go({ view }))
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}

async function start(): Promise<void> {
  const app = new App(await readHead())
  await app.start()
  await new Page(app).show()
}

start().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  put(root(), h('p', { class: 'broken' }, `This report cannot be shown: ${shown(message)}`))
})
