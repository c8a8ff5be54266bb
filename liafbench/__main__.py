"""`python -m liafbench` is the command `liafbench`."""

from liafbench.bench.cli.main import main

if __name__ == "__main__":
    main()
