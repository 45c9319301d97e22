// A flower of glazed beads on still water; the packaged scene for POV-Ray 3.7.
//
// One turn of the clock, 0 to 1, is one loop: frame 49 of {"1": 0, "49": 1} is frame 1 again.
// `Beads` (how many) and `Swell` (how far they rise) may be declared from outside.
#version 3.7;

#ifndef (Beads) #declare Beads = 420; #end
#ifndef (Swell) #declare Swell = 0.22; #end

global_settings { assumed_gamma 1.0 max_trace_level 5 }

camera {
  location vrotate(<0, 4.4, -7.6>, <0, 20 * sin(2 * pi * clock), 0>)
  look_at <0, 0.25, 0>
  right x * image_width / image_height
  angle 48
}

light_source { <-6, 8, -4> rgb <1.00, 0.90, 0.76> * 0.95 }
light_source { <7, 4, 3> rgb <0.42, 0.55, 0.90> * 0.60 shadowless }

sky_sphere {
  pigment {
    gradient y
    color_map {
      [0.00 rgb <0.93, 0.62, 0.42>]
      [0.18 rgb <0.52, 0.42, 0.52>]
      [0.60 rgb <0.10, 0.15, 0.30>]
    }
  }
}

// Still water, with rings that run outwards.
plane {
  y, 0
  pigment { rgb <0.012, 0.026, 0.045> }
  normal { waves 0.05 frequency 2.2 phase -clock * 4 scale 1.3 }
  finish { diffuse 0.4 specular 0.5 roughness 0.01 reflection { 0.10, 0.75 fresnel on } conserve_energy }
  interior { ior 1.33 }
}

// Beads on a spiral with the golden angle between neighbours, as a flower head packs its seeds.
#declare Golden = 137.50776405;
#declare Petals = function(S) { sin(2 * pi * (3 * S - clock)) }
#declare Bead = 0;
#while (Bead < Beads)
  #declare S = (Bead + 0.5) / Beads;
  #declare Radius = 2.75 * sqrt(S);
  #declare Dome = 1.15 * (1 - S) * (1 - S) + 0.16;
  #declare Height = Dome + Swell * Petals(S) * (1 - S);
  #declare Warm = <1.00, 0.80, 0.16> * (1 - S) + <0.93, 0.22, 0.20> * S;
  #declare Cool = <0.50, 0.12, 0.62>;
  #declare Blend = pow(S, 3);
  sphere {
    <Radius, Height, 0>, 0.085 + 0.065 * sqrt(S)
    rotate y * (Golden * Bead)
    pigment { srgb Warm * (1 - Blend) + Cool * Blend }
    finish { diffuse 0.72 specular 0.7 roughness 0.012 reflection { 0.02, 0.35 fresnel on } conserve_energy }
    interior { ior 1.5 }
  }
  #declare Bead = Bead + 1;
#end
