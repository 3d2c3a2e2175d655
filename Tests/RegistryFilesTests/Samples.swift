/// Files as people, GTO and DVC write them. ruamel.yaml reads all of them.
let samples: [String] = [
  "", "# nothing\n", "---\n", "--- text\n...\n", "\u{FEFF}a: 1\n", "a: 1\r\nb: 2\r\n",
  "types: [model, dataset]\nstages: [dev, staging, prod]\n",
  "# what may be promoted\nstages:\n- dev\n- prod   # careful\ntypes:\n  - model\n",
  """
  churn:
    type: model
    path: models/churn.pkl
    labels: [tabular, "pii"]
    description: 'It''s the churn model'
    custom: {auc: 0.93, since: 2024-05-01, n: 12, ok: true, none: null}
  segments:
    path: s3://bucket/segments
  """,
  """
  vars:
    - params.yaml
    - models: &models
        us: {epochs: 10, lr: 1e-3}
        eu:
          epochs: 15
          <<: {thresh: .5}
  stages:
    prepare:
      cmd: python src/prepare.py data/data.xml --ratio ${split.ratio}
      deps:
      - data/data.xml
      - src/prepare.py
      params:
      - prepare.seed
      - config.json:
        - a
        - b.c
      outs:
      - data/prepared:
          cache: false
    train:
      foreach: ${models}
      do:
        cmd: >-
          python train.py
          --epochs ${item.epochs}
            --indented

          --key ${key}
        deps: ["data/${key}", "src/train.py"]
    matrix_build:
      matrix:
        model: [a, b]
        size:
        - 1
        - 2.5
      cmd:
        - echo "${item.model}: ${item.size}"
        - 'echo #not a comment'
      desc: |
        Two lines,
          the second indented.

    evaluate:
      cmd: "python eval.py \\
        --fold 1 \\u00e9 \\x41"
      metrics: [{eval.json: {cache: no}}]
  plots:
    - ROC:
        template: simple
        x: fpr
        y:
          eval/prc.json: tpr
    - eval/importance.png
  metrics:
  - eval/metrics.json
  params:
  - params.yaml
  artifacts:
    text-classification:
      path: models/model.pkl
      type: model
      desc: Detect whether the text is spam,
        in several languages.
      labels:
      - nlp
      - classification
      meta:
        framework: tensorflow 2.0
        trained: 2001-12-14 21:59:43.10 -5
        nested: {a: [1, {b: c}], d: ~}
  """,
  "a: &x {k: v}\nb: *x\nc: &y\n  - 1\nd: *y\n&k key: *k\n",
  "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none: {<<: *base, b: 5}\n"
    + "two:\n  <<: [*base, *more]\n  d: 6\nthree:\n  z: 0\n  <<:\n    <<: *base\n    a: 9\n",
  "a: |\n  x\n\n  y\nb: |-\n  x\nc: |+\n  x\n\nd: >\n  a\n  b\n\n  c\n   more\n  end\ne: >+\n  x\n\n\nf: |2\n    two\n  zero\n",
  "- |1-\n  a\n- >-\n\n  a\n- |\n\n\n- |+\n\n\n- | # comment\n  # text\n",
  "- - a\n  - - b\n- \n  - c\n-\n  d: 1\n- e: 2\n  f:\n  - g\n-   h: 3\n    i: 4\n",
  "? long\n: value\n? other\n?\n  third\n:\n  - 1\n? fourth\n: - 2\n  - 3\n? fifth\n: a: 1\n  b: 2\n",
  "plain: one\n  two\n\n  three\n\n\n  four\nurl: http://host:80/a#b\ntime: 12:30:45\nwin: C:\\dir\ndash: -x\nq: ?x\ncolon: :x\n",
  "single: 'one\n  two\n\n  three   '\ndouble: \"one\n  two\\n\n\n  three \\\n  four \\\n\n  five\\t\"\n",
  "\"a b\" : 1\n'c d': 2\n\"\": 3\n1: int\n1.5: float\n~: none\nfalse: no\n2024-01-01: date\n",
  "{a: 1, \"b\":2, 'c': [x, y,], ? d : 3, e, f: , \"g\":, h: {}, i: []}",
  "[a b, 'c', \"d\", -1, [1, 2], {x: y}, a:b, http://x, long plain\n  over lines, # comment\n\tz]\n",
  "[:a, [f: :g], :h: i]\n", "key: [\n  a,\n  b\n]\nother: {\n  a: 1\n}\n",
  "ints: [0, -0, +1, 012, 0o17, 0x1F, -0x1f, 0b101, 1_000, 0_7, 9223372036854775807, -9223372036854775808]\n",
  "floats: [1., 1.5, -.5, 1e3, 1E-3, 1.e5, .5e+1, 1_0.5, .inf, -.Inf, +.INF, .nan, 0.1, 1e-400, 123456789.123456789]\n",
  "strings: [.5e5, 1:30, 0o8, 0b2, 0xg, '1', yes, no, on, off, y, n, nUll, +.nan, _1, 1__x, 1.2.3, +, .]\n",

  "times: [2001-12-14T21:59:43Z, 2001-12-14t21:59:43.1-05:00, 2001-1-4 1:59:43, 2001-1-4, 2001-12-14 21:59:43 +5]\n",
  "!!timestamp '2001-12-14': !!timestamp \"2001-12-14 1:02:03+05:30\"\n",
  "!!str a: !!str 1\nb: !!map {x: 1}\nc: !!seq\n- 1\nd: !!str\ne: &f !!str ~\ng: !!str &h 2\n",
  "--- |\n  text\n", "--- >-\n  text\n  more\n", "--- {a: b}\n", "--- [a,\n b]\n...\n# end\n",
  "--- # c\na: 1\n",
  "--- &a\nx: 1\n", "'just text'\n", "one\ntwo\n", "12\n", "a:\n", "a:\nb:\n  # nothing\nc:\n- \n- x\n",
  "a:  # c\n  b: 1 # d\n\n# e\n  # f\n  c: 2\n# g\n",
  "é: ü\n日本: \"\\U0001F600\"\ncombining: e\u{301}\nemoji: 😀 # 😀\n'😀': [😀, x]\n",
  "tabs: 'a\tb'\nblock: |\n  a\tb\n  \tc\n",
  "text: \"a\\/b\\\\c\\\"d\\0\\a\\b\\e\\_\\N\\L\\P\\ e\\\tf\"\n",
]
