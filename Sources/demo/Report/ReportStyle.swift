/// How the page looks, on light and on dark.
enum ReportStyle {
    static let sheet = """
        :root {
          color-scheme: light dark;
          --page: #fbfbfa; --panel: #ffffff; --text: #1c2024; --faint: #5c646d; --rule: #dfe2e6;
          --good: #14713a; --bad: #b3201c;
          --c0: #1f66c1; --c1: #c05a00; --c2: #187a4b; --c3: #9a3fa8; --c4: #a08400; --c5: #c2335b;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #14171a; --panel: #1c2024; --text: #e7eaee; --faint: #a2abb5; --rule: #363c43;
            --good: #63cf8d; --bad: #ff8178;
            --c0: #6cabff; --c1: #ffa04d; --c2: #5fcb92; --c3: #d995e6; --c4: #e0c24a; --c5: #ff86a5;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0; background: var(--page); color: var(--text);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
        }
        main { max-width: 860px; margin: 0 auto; padding: 24px 20px 64px; }
        h1 { font-size: 26px; line-height: 1.25; margin: 8px 0 12px; }
        h2 { font-size: 18px; margin: 0 0 4px; }
        p { margin: 0 0 12px; color: var(--faint); }
        section, .note { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; }
        section { padding: 18px 20px; margin: 20px 0 0; }
        .note { padding: 10px 16px; margin: 12px 0 0; color: var(--text); }
        .verdict { font-weight: 600; font-size: 18px; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        .figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 0; }
        .figures div {
          flex: 1 1 150px; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
          padding: 12px 16px;
        }
        .figures b { display: block; font-size: 24px; line-height: 1.3; font-weight: 600; }
        .figures span { color: var(--faint); font-size: 14px; }
        svg { display: block; width: 100%; height: auto; margin: 4px 0 12px; }
        svg text { fill: var(--faint); font-size: 12px; font-variant-numeric: tabular-nums; }
        svg text.value { fill: var(--text); }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .event { stroke: var(--faint); stroke-width: 1.5; stroke-dasharray: 4 3; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .bar { fill: var(--c0); }
        .line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
        .line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); }
        .dot.c0 { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); }
        .dot.c3 { fill: var(--c3); } .dot.c4 { fill: var(--c4); } .dot.c5 { fill: var(--c5); }
        .key.c0 { background: var(--c0); } .key.c1 { background: var(--c1); } .key.c2 { background: var(--c2); }
        .key.c3 { background: var(--c3); } .key.c4 { background: var(--c4); } .key.c5 { background: var(--c5); }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0; padding: 0; font-size: 14px; }
        .key { display: inline-block; width: 14px; height: 3px; margin: 0 7px 4px 0; border-radius: 2px; }
        .number {
          display: inline-block; min-width: 18px; margin-right: 6px; border: 1px solid var(--faint);
          border-radius: 9px; font-size: 11px; line-height: 16px; text-align: center; color: var(--faint);
        }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
        th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
        th:first-child, td:first-child, .words td, .words th { text-align: left; }
        thead th { color: var(--faint); font-weight: 500; }
        tbody th { font-weight: 500; white-space: nowrap; }
        tbody tr:last-child > * { border-bottom: 0; }
        """
}
