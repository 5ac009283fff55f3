"""`python -m rocmswitch` is the same program as `rocmswitch`."""

from rocmswitch.cli.main import main

if __name__ == "__main__":
    main()
