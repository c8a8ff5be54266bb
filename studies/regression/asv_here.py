"""asv's own command with its notes on the machine inside the checkout, not in the home folder."""

from __future__ import annotations

from pathlib import Path

from asv import machine
from asv.main import main

MACHINES = Path(".asv/machines.json")

if __name__ == "__main__":
    MACHINES.parent.mkdir(exist_ok=True)
    path = str(MACHINES.resolve())
    machine.MachineCollection.get_machine_file_path = staticmethod(lambda: path)
    main()
