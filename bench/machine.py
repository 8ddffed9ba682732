"""What results were measured on, and the refusal to put those of different machines beside each other."""
import json
import sys


def refuse_different(results, program):
    """Ends the program unless all results (dictionaries with "machine") are of one machine."""
    machines = {json.dumps(result["machine"], sort_keys=True) for result in results}
    if len(machines) > 1:
        sys.exit(f"{program}: these results are of different machines and say nothing beside each other:\n"
                 + "\n".join(sorted(machines)))
