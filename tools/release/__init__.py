"""What a release is made with: the bill of materials, the lowest versions promised, and a wheel put to use."""
